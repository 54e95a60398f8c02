#pragma once

#include <napi.h>

#include <stdexcept>
#include <string>

/** What index.d.ts calls NativeErrorCode. */
namespace code {
constexpr const char* kBadArgument = "NATIVE_BAD_ARGUMENT";
constexpr const char* kClosed = "NATIVE_CLOSED";
constexpr const char* kEngineFailed = "NATIVE_ENGINE_FAILED";
constexpr const char* kBadPacket = "NATIVE_BAD_PACKET";
}  // namespace code

/** A library refused; knows nothing of JavaScript. */
class EngineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** A JavaScript Error with a `code`, to be thrown. */
inline Napi::Error CodedError(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}
