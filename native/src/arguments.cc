#include "arguments.h"

#include <cmath>
#include <string>

#include "coded-error.h"

namespace arguments {
namespace {

Napi::Error Bad(Napi::Env env, const std::string& message) {
  return CodedError(env, code::kBadArgument, message);
}

struct View {
  napi_typedarray_type type;
  void* data;
  size_t length;
};

/** Asks for no ArrayBuffer: the view may be of shared memory, for which Node-API has no type. */
bool ReadView(Napi::Env env, napi_value value, View* view) {
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return false;
  return napi_get_typedarray_info(env, value, &view->type, &view->length, &view->data, nullptr, nullptr) ==
         napi_ok;
}

}  // namespace

Lent<int16_t> Pcm(const Napi::CallbackInfo& info, size_t index, const char* name) {
  View view{};
  if (!ReadView(info.Env(), info[index], &view) || view.type != napi_int16_array)
    throw Bad(info.Env(), std::string(name) + " must be an Int16Array");
  if (view.data == nullptr) view.length = 0;
  return {static_cast<int16_t*>(view.data), view.length};
}

int16_t* PcmFrame(const Napi::CallbackInfo& info, size_t index, const char* name, size_t length) {
  const Lent<int16_t> pcm = Pcm(info, index, name);
  if (pcm.length != length) {
    throw Bad(info.Env(), std::string(name) + " must hold " + std::to_string(length) + " samples, not " +
                              std::to_string(pcm.length));
  }
  return pcm.data;
}

Lent<const uint8_t> Bytes(const Napi::CallbackInfo& info, size_t index, const char* name) {
  View view{};
  if (!ReadView(info.Env(), info[index], &view) || view.type != napi_uint8_array)
    throw Bad(info.Env(), std::string(name) + " must be a Uint8Array");
  if (view.data == nullptr) view.length = 0;
  return {static_cast<const uint8_t*>(view.data), view.length};
}

int Integer(const Napi::CallbackInfo& info, size_t index, const char* name, int smallest, int largest) {
  const Napi::Value value = info[index];
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= smallest && number <= largest) || number != std::floor(number)) {
    throw Bad(info.Env(), std::string(name) + " must be a whole number from " + std::to_string(smallest) +
                              " to " + std::to_string(largest));
  }
  return static_cast<int>(number);
}

Napi::Object Options(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsObject()) throw Bad(info.Env(), "options must be an object");
  return info[index].As<Napi::Object>();
}

int OneOf(const Napi::Object& options, const char* name, std::initializer_list<int> allowed) {
  const Napi::Value value = options.Get(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    for (const int one : allowed) {
      if (number == one) return one;
    }
  }
  std::string list;
  for (const int one : allowed) list += (list.empty() ? "" : ", ") + std::to_string(one);
  throw Bad(options.Env(), std::string(name) + " must be one of " + list);
}

bool Flag(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsBoolean()) throw Bad(options.Env(), std::string(name) + " must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

}  // namespace arguments
