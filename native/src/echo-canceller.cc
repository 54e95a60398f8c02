#include "echo-canceller.h"

#include "arguments.h"
#include "coded-error.h"

namespace {

constexpr int kLongestDelayMs = 2000;

/** Runs a call into the library; what it refuses becomes a JavaScript error. */
template <typename Call>
auto Guarded(Napi::Env env, Call call) {
  try {
    return call();
  } catch (const EngineError& error) {
    throw CodedError(env, code::kEngineFailed, error.what());
  } catch (const std::bad_alloc&) {
    throw CodedError(env, code::kEngineFailed, "out of memory");
  }
}

}  // namespace

Napi::Function EchoCanceller::Define(Napi::Env env) {
  return DefineClass(env, "EchoCanceller",
                     {
                         InstanceMethod("processRender", &EchoCanceller::ProcessRender),
                         InstanceMethod("processCapture", &EchoCanceller::ProcessCapture),
                         InstanceMethod("close", &EchoCanceller::Close),
                     });
}

EchoCanceller::EchoCanceller(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EchoCanceller>(info) {
  const Napi::Object options = arguments::Options(info, 0);
  EchoSettings settings{};
  settings.sample_rate_hz = arguments::OneOf(options, "sampleRateHz", {8000, 16000, 32000, 48000});
  settings.echo_cancellation = arguments::Flag(options, "echoCancellation");
  settings.noise_suppression = arguments::Flag(options, "noiseSuppression");
  settings.gain_control = arguments::Flag(options, "gainControl");
  samples_per_frame_ = settings.samples_per_frame();
  engine_ = Guarded(info.Env(), [&] { return CreateEchoEngine(settings); });
}

void EchoCanceller::ProcessRender(const Napi::CallbackInfo& info) {
  EchoEngine& engine = Opened(info.Env());
  const int16_t* far_end = arguments::PcmFrame(info, 0, "far", samples_per_frame_);
  Guarded(info.Env(), [&] { engine.Render(far_end); });
}

void EchoCanceller::ProcessCapture(const Napi::CallbackInfo& info) {
  EchoEngine& engine = Opened(info.Env());
  const int delay_ms = arguments::Integer(info, 1, "delayMs", 0, kLongestDelayMs);
  int16_t* near_end = arguments::PcmFrame(info, 0, "near", samples_per_frame_);
  Guarded(info.Env(), [&] { engine.Capture(near_end, delay_ms); });
}

void EchoCanceller::Close(const Napi::CallbackInfo&) { engine_.reset(); }

EchoEngine& EchoCanceller::Opened(Napi::Env env) {
  if (!engine_) throw CodedError(env, code::kClosed, "the echo canceller has been closed");
  return *engine_;
}
