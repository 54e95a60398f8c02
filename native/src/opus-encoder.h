#pragma once

#include <napi.h>
#include <opus.h>

#include <memory>

/** `OpusEncoder` of index.d.ts. */
class OpusEncoder : public Napi::ObjectWrap<OpusEncoder> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit OpusEncoder(const Napi::CallbackInfo& info);

 private:
  struct Destroy {
    void operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
  };

  Napi::Value Encode(const Napi::CallbackInfo& info);
  void Reset(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  ::OpusEncoder* Opened(Napi::Env env);

  int sample_rate_hz_ = 0;
  std::unique_ptr<::OpusEncoder, Destroy> encoder_;
};
