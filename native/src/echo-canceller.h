#pragma once

#include <napi.h>

#include <memory>

#include "echo-engine.h"

/** `EchoCanceller` of index.d.ts. */
class EchoCanceller : public Napi::ObjectWrap<EchoCanceller> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit EchoCanceller(const Napi::CallbackInfo& info);

 private:
  void ProcessRender(const Napi::CallbackInfo& info);
  void ProcessCapture(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  EchoEngine& Opened(Napi::Env env);

  size_t samples_per_frame_ = 0;
  std::unique_ptr<EchoEngine> engine_;
};
