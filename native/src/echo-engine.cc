#include "echo-engine.h"

namespace {

#if defined(HAVE_WEBRTC) && defined(HAVE_SPEEX)

/**
 * speexdsp in front of WebRTC's older canceller. The linear filter of the first leaves so little of the echo that the
 * suppressor of the second keeps its hands off the voice that speaks at the same time; alone it would cut that to pieces.
 * The second answers for what the first cannot: the first seconds, loudspeakers that distort, clocks that drift.
 */
class Cascade : public EchoEngine {
 public:
  explicit Cascade(const EchoSettings& settings)
      : filter_(CreateSpeexEngine(FilterSettings(settings))),
        suppressor_(CreateWebRtcEngine(SuppressorSettings(settings))) {}

  void Render(const int16_t* far_end) override {
    filter_->Render(far_end);
    suppressor_->Render(far_end);
  }

  void Capture(int16_t* near_end, int delay_ms) override {
    filter_->Capture(near_end, delay_ms);
    suppressor_->Capture(near_end, delay_ms);
  }

 private:
  static EchoSettings FilterSettings(EchoSettings settings) {
    settings.gain_control = false;
    return settings;
  }

  static EchoSettings SuppressorSettings(EchoSettings settings) {
    settings.noise_suppression = false;
    return settings;
  }

  const std::unique_ptr<EchoEngine> filter_;
  const std::unique_ptr<EchoEngine> suppressor_;
};

#endif

}  // namespace

std::unique_ptr<EchoEngine> CreateEchoEngine(const EchoSettings& settings) {
#if defined(HAVE_WEBRTC) && defined(HAVE_SPEEX)
  if (settings.echo_cancellation) return std::make_unique<Cascade>(settings);
#endif
#if defined(HAVE_WEBRTC)
  return CreateWebRtcEngine(settings);
#else
  return CreateSpeexEngine(settings);
#endif
}
