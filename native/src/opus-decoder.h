#pragma once

#include <napi.h>
#include <opus.h>

#include <memory>

/** `OpusDecoder` of index.d.ts. */
class OpusDecoder : public Napi::ObjectWrap<OpusDecoder> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit OpusDecoder(const Napi::CallbackInfo& info);

 private:
  struct Destroy {
    void operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }
  };

  Napi::Value Decode(const Napi::CallbackInfo& info);
  Napi::Value Conceal(const Napi::CallbackInfo& info);
  Napi::Value DecodeFec(const Napi::CallbackInfo& info);
  void Reset(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  ::OpusDecoder* Opened(Napi::Env env);
  /** 120 ms, the longest that one packet holds. */
  int LargestFrame() const { return sample_rate_hz_ / 1000 * 120; }
  /** A count of samples that libopus can make up: whole 2.5 ms, at most 120 ms. */
  int Samples(const Napi::CallbackInfo& info, size_t index) const;

  int sample_rate_hz_ = 0;
  std::unique_ptr<::OpusDecoder, Destroy> decoder_;
};
