#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

/** Memory lent by JavaScript for the length of one call. Nothing that runs JavaScript may be called while it is held. */
template <typename T>
struct Lent {
  T* data;
  size_t length;
};

/**
 * Reads of arguments that believe nothing. All throw a coded NATIVE_BAD_ARGUMENT that names the argument; a detached buffer
 * reads as one of length 0.
 */
namespace arguments {

Lent<int16_t> Pcm(const Napi::CallbackInfo& info, size_t index, const char* name);

/** Of exactly `length` samples. */
int16_t* PcmFrame(const Napi::CallbackInfo& info, size_t index, const char* name, size_t length);

/** A Uint8Array, Buffers included. */
Lent<const uint8_t> Bytes(const Napi::CallbackInfo& info, size_t index, const char* name);

/** A whole number within the bounds, both included. */
int Integer(const Napi::CallbackInfo& info, size_t index, const char* name, int smallest, int largest);

Napi::Object Options(const Napi::CallbackInfo& info, size_t index);

int OneOf(const Napi::Object& options, const char* name, std::initializer_list<int> allowed);

bool Flag(const Napi::Object& options, const char* name);

}  // namespace arguments
