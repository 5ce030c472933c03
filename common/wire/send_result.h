// What became of a message that was to be sent.
#pragma once

namespace rubato {

enum class SendResult {
  kSent,         // queued
  kWouldBlock,   // the peer does not keep up, or the connection is not (or no longer) there
  kUnknownPeer,  // neither connected to nor heard of
};

}  // namespace rubato
