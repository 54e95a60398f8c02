{
  "variables": {
    # Sanitizer for scripts/check-native: node-gyp rebuild -C native -- -Dsanitize=address
    "sanitize%": "",
    "echo_engine%": "<!(node libraries.mjs engine)",
    "speex%": "<!(node libraries.mjs speex)",
    "opus%": "<!(node libraries.mjs opus)"
  },
  "targets": [
    {
      "target_name": "xiaozhi_native",
      "sources": [
        "src/addon.cc",
        "src/arguments.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # Swallow: a worker that is being ended cannot take an exception, and must not take the process along.
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags": ["-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "<!@(node libraries.mjs cflags)"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "libraries": ["<!@(node libraries.mjs libraries)"],
      "conditions": [
        ["echo_engine!='none'", {
          "defines": ["HAVE_ECHO_ENGINE", "ECHO_LIBRARY=\"<!(node libraries.mjs echo-library)\""],
          "sources": ["src/echo-canceller.cc", "src/echo-engine.cc"]
        }],
        ["echo_engine=='webrtc'", {
          "defines": ["HAVE_WEBRTC"],
          "sources": ["src/echo-engine-webrtc.cc"]
        }],
        ["echo_engine=='webrtc-legacy'", {
          "defines": ["HAVE_WEBRTC", "HAVE_VOICE_DETECTOR"],
          "sources": ["src/echo-engine-webrtc-legacy.cc", "src/voice-detector.cc"]
        }],
        ["speex=='yes'", {
          "defines": ["HAVE_SPEEX"],
          "sources": ["src/echo-engine-speex.cc"]
        }],
        ["opus=='yes'", {
          "defines": ["HAVE_OPUS"],
          "sources": ["src/opus-decoder.cc", "src/opus-encoder.cc"]
        }],
        ["sanitize!=''", {
          "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }]
      ]
    }
  ]
}
