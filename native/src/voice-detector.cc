#include "voice-detector.h"

#include <algorithm>

#include "arguments.h"
#include "coded-error.h"

namespace {

constexpr int kFrameDurationMs = 10;

Napi::Error Failed(Napi::Env env) {
  return CodedError(env, code::kEngineFailed, "the voice detector refused the sound");
}

}  // namespace

Napi::Function VoiceDetector::Define(Napi::Env env) {
  return DefineClass(env, "VoiceDetector",
                     {
                         InstanceMethod("isSpeech", &VoiceDetector::IsSpeech),
                         InstanceMethod("close", &VoiceDetector::Close),
                     });
}

VoiceDetector::VoiceDetector(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VoiceDetector>(info) {
  const Napi::Object options = arguments::Options(info, 0);
  const int rate = arguments::OneOf(options, "sampleRateHz", {8000, 16000, 32000, 48000});
  const int aggressiveness = arguments::OneOf(options, "aggressiveness", {0, 1, 2, 3});
  samples_per_frame_ = static_cast<size_t>(rate) * kFrameDurationMs / 1000;
  frame_.sample_rate_hz_ = rate;
  frame_.num_channels_ = 1;
  frame_.samples_per_channel_ = samples_per_frame_;
  apm_.reset(webrtc::AudioProcessing::Create());
  if (!apm_) throw Failed(info.Env());
  const auto layout = webrtc::AudioProcessing::kMono;
  auto* detection = apm_->voice_detection();
  // The library counts the other way round: its highest likelihood lets the most pass as speech.
  const auto level = static_cast<webrtc::VoiceDetection::Likelihood>(3 - aggressiveness);
  if (apm_->Initialize(rate, rate, rate, layout, layout, layout) != 0 || detection->set_likelihood(level) != 0 ||
      detection->Enable(true) != 0)
    throw Failed(info.Env());
}

Napi::Value VoiceDetector::IsSpeech(const Napi::CallbackInfo& info) {
  if (!apm_) throw CodedError(info.Env(), code::kClosed, "the voice detector has been closed");
  const int16_t* pcm = arguments::PcmFrame(info, 0, "frame", samples_per_frame_);
  std::copy_n(pcm, samples_per_frame_, frame_.data_);
  if (apm_->ProcessStream(&frame_) != 0) throw Failed(info.Env());
  return Napi::Boolean::New(info.Env(), apm_->voice_detection()->stream_has_voice());
}

void VoiceDetector::Close(const Napi::CallbackInfo&) { apm_.reset(); }
