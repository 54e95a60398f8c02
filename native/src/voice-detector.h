#pragma once

#include <napi.h>
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

#include <memory>

/** `VoiceDetector` of index.d.ts. Only webrtc-audio-processing 0.3 lends its detector; the later ones have lost it. */
class VoiceDetector : public Napi::ObjectWrap<VoiceDetector> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit VoiceDetector(const Napi::CallbackInfo& info);

 private:
  Napi::Value IsSpeech(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  size_t samples_per_frame_ = 0;
  std::unique_ptr<webrtc::AudioProcessing> apm_;
  webrtc::AudioFrame frame_;
};
