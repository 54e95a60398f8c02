// webrtc-audio-processing 0.3: AEC2 with the delay-agnostic extension, the version of Debian 12.
//
// webrtc::Config knows its options by the address of a static in a template: hidden, ours would be another than the
// library's, and every option would be ignored without a word.
#pragma GCC visibility push(default)
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#pragma GCC visibility pop
#include <webrtc/modules/interface/module_common_types.h>

#include <algorithm>
#include <string>

#include "coded-error.h"
#include "echo-engine.h"

namespace {

/** The library warns beyond this and takes this instead. */
constexpr int kLongestDelayMs = 500;

void Check(int result, const char* what) {
  if (result == webrtc::AudioProcessing::kNoError ||
      result == webrtc::AudioProcessing::kBadStreamParameterWarning)
    return;
  throw EngineError(std::string(what) + " failed with " + std::to_string(result));
}

class LegacyEngine : public EchoEngine {
 public:
  explicit LegacyEngine(const EchoSettings& settings) : settings_(settings) {
    webrtc::Config config;
    config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
    config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));
    config.Set<webrtc::ExperimentalAgc>(new webrtc::ExperimentalAgc(false));
    apm_.reset(webrtc::AudioProcessing::Create(config));
    if (!apm_) throw EngineError("AudioProcessing could not be made");
    const auto layout = webrtc::AudioProcessing::kMono;
    const int rate = settings.sample_rate_hz;
    Check(apm_->Initialize(rate, rate, rate, layout, layout, layout), "Initialize");
    Enable();
  }

  void Render(const int16_t* far_end) override {
    Fill(far_end);
    Check(apm_->ProcessReverseStream(&frame_), "ProcessReverseStream");
  }

  void Capture(int16_t* near_end, int delay_ms) override {
    Check(apm_->set_stream_delay_ms(std::min(delay_ms, kLongestDelayMs)), "set_stream_delay_ms");
    Fill(near_end);
    Check(apm_->ProcessStream(&frame_), "ProcessStream");
    std::copy_n(frame_.data_, settings_.samples_per_frame(), near_end);
  }

 private:
  void Enable() {
    Check(apm_->high_pass_filter()->Enable(true), "HighPassFilter");
    if (settings_.echo_cancellation) {
      auto* aec = apm_->echo_cancellation();
      Check(aec->enable_drift_compensation(false), "DriftCompensation");
      // Higher levels buy little more loss and cost the voice that speaks at the same time.
      Check(aec->set_suppression_level(webrtc::EchoCancellation::kLowSuppression), "SuppressionLevel");
      Check(aec->Enable(true), "EchoCancellation");
    }
    if (settings_.noise_suppression) {
      Check(apm_->noise_suppression()->set_level(webrtc::NoiseSuppression::kModerate), "NoiseLevel");
      Check(apm_->noise_suppression()->Enable(true), "NoiseSuppression");
    }
    if (settings_.gain_control) {
      Check(apm_->gain_control()->set_mode(webrtc::GainControl::kAdaptiveDigital), "GainMode");
      Check(apm_->gain_control()->Enable(true), "GainControl");
    }
  }

  void Fill(const int16_t* samples) {
    frame_.sample_rate_hz_ = settings_.sample_rate_hz;
    frame_.num_channels_ = 1;
    frame_.samples_per_channel_ = settings_.samples_per_frame();
    std::copy_n(samples, settings_.samples_per_frame(), frame_.data_);
  }

  const EchoSettings settings_;
  std::unique_ptr<webrtc::AudioProcessing> apm_;
  webrtc::AudioFrame frame_;
};

}  // namespace

std::unique_ptr<EchoEngine> CreateWebRtcEngine(const EchoSettings& settings) {
  return std::make_unique<LegacyEngine>(settings);
}
