#include "opus-encoder.h"

#include <algorithm>
#include <array>

#include "arguments.h"
#include "coded-error.h"

namespace {

/** 120 ms as six frames of 1275 bytes with their lengths. */
constexpr size_t kLongestPacket = 6 * 1277;

}  // namespace

Napi::Function OpusEncoder::Define(Napi::Env env) {
  return DefineClass(env, "OpusEncoder",
                     {
                         InstanceMethod("encode", &OpusEncoder::Encode),
                         InstanceMethod("reset", &OpusEncoder::Reset),
                         InstanceMethod("close", &OpusEncoder::Close),
                     });
}

OpusEncoder::OpusEncoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<OpusEncoder>(info) {
  const Napi::Object options = arguments::Options(info, 0);
  sample_rate_hz_ = arguments::OneOf(options, "sampleRateHz", {8000, 12000, 16000, 24000, 48000});
  const int complexity = arguments::OneOf(options, "complexity", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const bool variable_bitrate = arguments::Flag(options, "variableBitrate");
  const bool discontinuous = arguments::Flag(options, "discontinuousTransmission");
  const Napi::Value bitrate = options.Get("bitrateBps");
  if (!bitrate.IsUndefined() && !bitrate.IsNumber())
    throw CodedError(info.Env(), code::kBadArgument, "bitrateBps must be a number");
  int result = OPUS_OK;
  encoder_.reset(opus_encoder_create(sample_rate_hz_, 1, OPUS_APPLICATION_AUDIO, &result));
  if (result == OPUS_OK) result = opus_encoder_ctl(encoder_.get(), OPUS_SET_COMPLEXITY(complexity));
  if (result == OPUS_OK) result = opus_encoder_ctl(encoder_.get(), OPUS_SET_VBR(variable_bitrate ? 1 : 0));
  if (result == OPUS_OK) result = opus_encoder_ctl(encoder_.get(), OPUS_SET_DTX(discontinuous ? 1 : 0));
  if (result == OPUS_OK && bitrate.IsNumber())
    result = opus_encoder_ctl(encoder_.get(), OPUS_SET_BITRATE(bitrate.As<Napi::Number>().Int32Value()));
  if (result != OPUS_OK) throw CodedError(info.Env(), code::kEngineFailed, opus_strerror(result));
}

Napi::Value OpusEncoder::Encode(const Napi::CallbackInfo& info) {
  ::OpusEncoder* encoder = Opened(info.Env());
  const Lent<int16_t> pcm = arguments::Pcm(info, 0, "pcm");
  // In half milliseconds: 2.5, 5, 10, 20, 40, 60, 80, 100 and 120 ms.
  const size_t unit = static_cast<size_t>(sample_rate_hz_ / 2000);
  constexpr std::array<size_t, 9> frames = {5, 10, 20, 40, 80, 120, 160, 200, 240};
  const bool is_frame = std::any_of(frames.begin(), frames.end(),
                                    [&](size_t units) { return pcm.length == units * unit; });
  if (!is_frame) throw CodedError(info.Env(), code::kBadArgument, "pcm must be one Opus frame");
  std::array<uint8_t, kLongestPacket> packet;
  const int bytes = opus_encode(encoder, pcm.data, static_cast<int>(pcm.length), packet.data(),
                                static_cast<opus_int32>(packet.size()));
  if (bytes < 0) throw CodedError(info.Env(), code::kEngineFailed, opus_strerror(bytes));
  Napi::Uint8Array encoded = Napi::Uint8Array::New(info.Env(), static_cast<size_t>(bytes));
  std::copy_n(packet.data(), bytes, encoded.Data());
  return encoded;
}

void OpusEncoder::Reset(const Napi::CallbackInfo& info) {
  opus_encoder_ctl(Opened(info.Env()), OPUS_RESET_STATE);
}

void OpusEncoder::Close(const Napi::CallbackInfo&) { encoder_.reset(); }

::OpusEncoder* OpusEncoder::Opened(Napi::Env env) {
  if (!encoder_) throw CodedError(env, code::kClosed, "the encoder has been closed");
  return encoder_.get();
}
