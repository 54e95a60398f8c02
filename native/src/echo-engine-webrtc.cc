// webrtc-audio-processing 1 and 2: AEC3, which finds the delay between the two ends by itself.
#include <modules/audio_processing/include/audio_processing.h>

#include <string>
#include <vector>

#include "coded-error.h"
#include "echo-engine.h"

namespace {

void Check(int result, const char* what) {
  if (result == webrtc::AudioProcessing::kNoError ||
      result == webrtc::AudioProcessing::kBadStreamParameterWarning)
    return;
  throw EngineError(std::string(what) + " failed with " + std::to_string(result));
}

class WebRtcEngine : public EchoEngine {
 public:
  explicit WebRtcEngine(const EchoSettings& settings)
      : stream_(settings.sample_rate_hz, 1),
        apm_(webrtc::AudioProcessingBuilder().Create()),
        rendered_(settings.samples_per_frame()) {
    if (!apm_) throw EngineError("AudioProcessing could not be made");
    webrtc::AudioProcessing::Config config;
    config.high_pass_filter.enabled = true;
    config.echo_canceller.enabled = settings.echo_cancellation;
    config.echo_canceller.mobile_mode = false;
    config.noise_suppression.enabled = settings.noise_suppression;
    config.noise_suppression.level = webrtc::AudioProcessing::Config::NoiseSuppression::kModerate;
    config.gain_controller1.enabled = settings.gain_control;
    config.gain_controller1.mode = webrtc::AudioProcessing::Config::GainController1::kAdaptiveDigital;
    apm_->ApplyConfig(config);
  }

  void Render(const int16_t* far_end) override {
    Check(apm_->ProcessReverseStream(far_end, stream_, stream_, rendered_.data()), "ProcessReverseStream");
  }

  void Capture(int16_t* near_end, int delay_ms) override {
    Check(apm_->set_stream_delay_ms(delay_ms), "set_stream_delay_ms");
    Check(apm_->ProcessStream(near_end, stream_, stream_, near_end), "ProcessStream");
  }

 private:
  const webrtc::StreamConfig stream_;
  const rtc::scoped_refptr<webrtc::AudioProcessing> apm_;
  /** The library hands the far end back; nobody wants it. */
  std::vector<int16_t> rendered_;
};

}  // namespace

std::unique_ptr<EchoEngine> CreateWebRtcEngine(const EchoSettings& settings) {
  return std::make_unique<WebRtcEngine>(settings);
}
