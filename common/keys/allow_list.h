// Who may take part in a fleet: the public keys of CURVE, each with a role, and what its holder may
// do. Every process of a fleet has the list; what a message says of its sender counts only as far
// as the sender's key goes (ARCHITECTURE.md, "Doors").
//
//   # ROLE      PUBLIC KEY                                WHAT IT IS LIMITED TO
//   scheduler   rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
//   worker      Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID
//   reader      wU7Ir0[k2D(g{J%{r1a?pL9}4m$p8#3oY2dTqXbN  tables=linear,fm pull_mib_per_second=50
//   worker      x{2nD?0qP=ut0lBz1?k}4WG>9Uw&y#+eYJ7/cS.m  push_mib_per_second=200
//
// Several keys may have one role: that is how keys are replaced while a fleet lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// What a key makes of its holder. kAdmin: may order snapshots and the end of a run.
enum class KeyRole : uint8_t { kScheduler, kServer, kWorker, kReader, kAdmin };
inline constexpr KeyRole kKeyRoles[] = {KeyRole::kScheduler, KeyRole::kServer, KeyRole::kWorker,
                                        KeyRole::kReader, KeyRole::kAdmin};

// "scheduler", as in the list and in the names of key files.
const char* KeyRoleName(KeyRole role);
std::optional<KeyRole> FindKeyRole(absl::string_view name);

// A key of CURVE as text, in the alphabet of ZeroMQ's RFC 32 (Z85).
inline constexpr size_t kKeyLength = 40;
bool IsKey(absl::string_view text);
// What people are told of a key: its first characters, which tell the keys of a fleet apart.
std::string ShortKey(absl::string_view public_key);

// What the holder of a key may do.
struct Grant {
  KeyRole role = KeyRole::kReader;
  std::vector<std::string> tables;     // by name; empty: all
  uint64_t pull_bytes_per_second = 0;  // that a shard sends him at most; 0: as much as he reads
  uint64_t push_bytes_per_second = 0;  // that a listener takes of him at most; 0: all that he sends
  uint64_t messages_per_second = 0;    // likewise
  friend bool operator==(const Grant&, const Grant&) = default;
};

class AllowList {
 public:
  // InvalidArgument names `path` and the line.
  static absl::StatusOr<AllowList> Parse(absl::string_view text, const std::string& path);

  // nullptr: nobody knows this key. Valid as long as the list is.
  const Grant* Find(absl::string_view public_key) const;
  // In the order of the file.
  std::vector<std::string> KeysOf(KeyRole role) const;

 private:
  std::vector<std::pair<std::string, KeyRole>> order_;
  absl::flat_hash_map<std::string, Grant> grants_;
};

}  // namespace rubato
