#include "opus-decoder.h"

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "coded-error.h"

namespace {

/** 48 frames of 1275 bytes, their lengths, and padding as long again. */
constexpr size_t kLongestPacket = 2 * 48 * 1277;

Napi::Value ToPcm(Napi::Env env, const int16_t* samples, int count) {
  Napi::Int16Array pcm = Napi::Int16Array::New(env, static_cast<size_t>(count));
  std::copy_n(samples, count, pcm.Data());
  return pcm;
}

Napi::Error BadPacket(Napi::Env env, int result) {
  return CodedError(env, code::kBadPacket, opus_strerror(result));
}

}  // namespace

Napi::Function OpusDecoder::Define(Napi::Env env) {
  return DefineClass(env, "OpusDecoder",
                     {
                         InstanceMethod("decode", &OpusDecoder::Decode),
                         InstanceMethod("conceal", &OpusDecoder::Conceal),
                         InstanceMethod("decodeFec", &OpusDecoder::DecodeFec),
                         InstanceMethod("reset", &OpusDecoder::Reset),
                         InstanceMethod("close", &OpusDecoder::Close),
                     });
}

OpusDecoder::OpusDecoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<OpusDecoder>(info) {
  const Napi::Object options = arguments::Options(info, 0);
  sample_rate_hz_ = arguments::OneOf(options, "sampleRateHz", {8000, 12000, 16000, 24000, 48000});
  int result = OPUS_OK;
  decoder_.reset(opus_decoder_create(sample_rate_hz_, 1, &result));
  if (result != OPUS_OK) throw CodedError(info.Env(), code::kEngineFailed, opus_strerror(result));
}

Napi::Value OpusDecoder::Decode(const Napi::CallbackInfo& info) {
  ::OpusDecoder* decoder = Opened(info.Env());
  const Lent<const uint8_t> packet = arguments::Bytes(info, 0, "packet");
  // For libopus no bytes are a lost packet, which is what `conceal` is for.
  if (packet.length == 0 || packet.length > kLongestPacket) throw BadPacket(info.Env(), OPUS_INVALID_PACKET);
  std::vector<int16_t> pcm(static_cast<size_t>(LargestFrame()));
  const int count = opus_decode(decoder, packet.data, static_cast<opus_int32>(packet.length), pcm.data(),
                                LargestFrame(), 0);
  if (count < 0) throw BadPacket(info.Env(), count);
  return ToPcm(info.Env(), pcm.data(), count);
}

Napi::Value OpusDecoder::Conceal(const Napi::CallbackInfo& info) {
  ::OpusDecoder* decoder = Opened(info.Env());
  const int samples = Samples(info, 0);
  std::vector<int16_t> pcm(static_cast<size_t>(samples));
  const int count = opus_decode(decoder, nullptr, 0, pcm.data(), samples, 0);
  if (count < 0) throw CodedError(info.Env(), code::kEngineFailed, opus_strerror(count));
  return ToPcm(info.Env(), pcm.data(), count);
}

Napi::Value OpusDecoder::DecodeFec(const Napi::CallbackInfo& info) {
  ::OpusDecoder* decoder = Opened(info.Env());
  const int samples = Samples(info, 1);
  const Lent<const uint8_t> packet = arguments::Bytes(info, 0, "packet");
  if (packet.length == 0 || packet.length > kLongestPacket) throw BadPacket(info.Env(), OPUS_INVALID_PACKET);
  std::vector<int16_t> pcm(static_cast<size_t>(samples));
  const int count = opus_decode(decoder, packet.data, static_cast<opus_int32>(packet.length), pcm.data(),
                                samples, 1);
  if (count < 0) throw BadPacket(info.Env(), count);
  return ToPcm(info.Env(), pcm.data(), count);
}

void OpusDecoder::Reset(const Napi::CallbackInfo& info) {
  opus_decoder_ctl(Opened(info.Env()), OPUS_RESET_STATE);
}

void OpusDecoder::Close(const Napi::CallbackInfo&) { decoder_.reset(); }

::OpusDecoder* OpusDecoder::Opened(Napi::Env env) {
  if (!decoder_) throw CodedError(env, code::kClosed, "the decoder has been closed");
  return decoder_.get();
}

int OpusDecoder::Samples(const Napi::CallbackInfo& info, size_t index) const {
  const int unit = sample_rate_hz_ / 400;
  const int samples = arguments::Integer(info, index, "samples", unit, LargestFrame());
  if (samples % unit != 0)
    throw CodedError(info.Env(), code::kBadArgument,
                     "samples must be a multiple of " + std::to_string(unit) + " (2.5 ms)");
  return samples;
}
