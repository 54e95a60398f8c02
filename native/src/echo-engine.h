#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

constexpr int kFrameDurationMs = 10;

struct EchoSettings {
  /** 8000, 16000, 32000 or 48000. */
  int sample_rate_hz;
  bool echo_cancellation;
  bool noise_suppression;
  bool gain_control;

  size_t samples_per_frame() const { return static_cast<size_t>(sample_rate_hz) * kFrameDurationMs / 1000; }
};

/** One echo path. Frames are mono and of `samples_per_frame`. All methods throw EngineError. */
class EchoEngine {
 public:
  virtual ~EchoEngine() = default;
  /** The far end, in the order it is played. */
  virtual void Render(const int16_t* far_end) = 0;
  /** The near end, in place, `delay_ms` after the last rendered frame began to sound in it. */
  virtual void Capture(int16_t* near_end, int delay_ms) = 0;
};

/** The best of what the add-on was built with. */
std::unique_ptr<EchoEngine> CreateEchoEngine(const EchoSettings& settings);

/** webrtc-audio-processing, whichever version. */
std::unique_ptr<EchoEngine> CreateWebRtcEngine(const EchoSettings& settings);

/** speexdsp. */
std::unique_ptr<EchoEngine> CreateSpeexEngine(const EchoSettings& settings);
