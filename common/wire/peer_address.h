// Where a peer is to be connected to, who must be there, and what keeps a connection from standing.
#pragma once

#include <string>

namespace rubato {

struct PeerAddress {
  std::string address;
  // Public key that it must prove; "": where there are no keys, or of the scheduler, whose key is
  // known from the list.
  std::string key;
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

struct Trouble {
  std::string words;     // follow the address; "": none, or nothing is known yet
  bool of_keys = false;  // so that somebody has to change them: waiting does not help
};

}  // namespace rubato
