// speexdsp: a linear filter and a residual echo suppressor. It does not look for the delay, so the far end has to be
// aligned to within the length of the filter.
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

#include <algorithm>
#include <vector>

#include "coded-error.h"
#include "echo-engine.h"

namespace {

/** Room and misalignment together; longer filters take longer to learn. */
constexpr int kFilterMs = 128;

struct DestroyEcho {
  void operator()(SpeexEchoState* state) const { speex_echo_state_destroy(state); }
};
struct DestroyPreprocess {
  void operator()(SpeexPreprocessState* state) const { speex_preprocess_state_destroy(state); }
};

class SpeexEngine : public EchoEngine {
 public:
  explicit SpeexEngine(const EchoSettings& settings)
      : far_end_(settings.samples_per_frame()), cleaned_(settings.samples_per_frame()) {
    const int frame = static_cast<int>(settings.samples_per_frame());
    int rate = settings.sample_rate_hz;
    preprocess_.reset(speex_preprocess_state_init(frame, rate));
    if (!preprocess_) throw EngineError("speex_preprocess_state_init failed");
    if (settings.echo_cancellation) {
      echo_.reset(speex_echo_state_init(frame, rate / 1000 * kFilterMs));
      if (!echo_) throw EngineError("speex_echo_state_init failed");
      speex_echo_ctl(echo_.get(), SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
      speex_preprocess_ctl(preprocess_.get(), SPEEX_PREPROCESS_SET_ECHO_STATE, echo_.get());
    }
    int denoise = settings.noise_suppression ? 1 : 0;
    int gain = settings.gain_control ? 1 : 0;
    speex_preprocess_ctl(preprocess_.get(), SPEEX_PREPROCESS_SET_DENOISE, &denoise);
    speex_preprocess_ctl(preprocess_.get(), SPEEX_PREPROCESS_SET_AGC, &gain);
  }

  void Render(const int16_t* far_end) override { std::copy_n(far_end, far_end_.size(), far_end_.begin()); }

  void Capture(int16_t* near_end, int) override {
    if (echo_) {
      speex_echo_cancellation(echo_.get(), near_end, far_end_.data(), cleaned_.data());
      std::copy(cleaned_.begin(), cleaned_.end(), near_end);
      // Without a new far end the loudspeaker is silent.
      std::fill(far_end_.begin(), far_end_.end(), static_cast<int16_t>(0));
    }
    speex_preprocess_run(preprocess_.get(), near_end);
  }

 private:
  std::unique_ptr<SpeexEchoState, DestroyEcho> echo_;
  /** Points into `echo_`, so it is declared after it and destroyed before it. */
  std::unique_ptr<SpeexPreprocessState, DestroyPreprocess> preprocess_;
  std::vector<int16_t> far_end_;
  std::vector<int16_t> cleaned_;
};

}  // namespace

std::unique_ptr<EchoEngine> CreateSpeexEngine(const EchoSettings& settings) {
  return std::make_unique<SpeexEngine>(settings);
}
