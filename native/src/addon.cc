#include <napi.h>

#ifdef HAVE_ECHO_ENGINE
#include "echo-canceller.h"
#endif
#ifdef HAVE_VOICE_DETECTOR
#include "voice-detector.h"
#endif
#ifdef HAVE_OPUS
#include "opus-decoder.h"
#include "opus-encoder.h"
#endif

namespace {

/** Raised whenever a symbol of index.d.ts changes its meaning: an add-on built from older sources is then refused. */
constexpr int kInterfaceVersion = 1;

/** There are no globals, so the add-on may be loaded by any number of threads. */
Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("interfaceVersion", kInterfaceVersion);
#ifdef HAVE_ECHO_ENGINE
  exports.Set("echoLibrary", ECHO_LIBRARY);
  exports.Set("EchoCanceller", EchoCanceller::Define(env));
#endif
#ifdef HAVE_VOICE_DETECTOR
  exports.Set("VoiceDetector", VoiceDetector::Define(env));
#endif
#ifdef HAVE_OPUS
  exports.Set("opusLibrary", opus_get_version_string());
  exports.Set("OpusDecoder", OpusDecoder::Define(env));
  exports.Set("OpusEncoder", OpusEncoder::Define(env));
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Initialize)
