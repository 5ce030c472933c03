// What a server must know of a table: its shape, how rows begin, and which rule updates them.
// A model names its tables; servers know nothing else of a model.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "common/job/optimizer_spec.h"

namespace rubato {

// The numbers are written to disk and wire: append only.
enum class TableKind : uint8_t { kDense = 0, kSparse = 1 };
enum class InitializerKind : uint8_t { kZero = 0, kUniform = 1, kNormal = 2, kConstant = 3 };

// The first weights of a row, a pure function of (run seed, table, key):
// zero, uniform in [-scale, scale], normal with standard deviation `scale`, or `scale` itself.
struct Initializer {
  InitializerKind kind = InitializerKind::kZero;
  float scale = 0.0F;
  friend bool operator==(const Initializer&, const Initializer&) = default;
};

// A table is rows of `dim` floats. Sparse: a row per u64 key, born when first pulled or pushed.
// Dense: `size` floats cut into blocks of `dim`; block b is the row with key b, the last one
// padded.
struct TableSpec {
  TableId id;
  std::string name;
  TableKind kind = TableKind::kSparse;
  uint32_t dim = 1;
  uint64_t size = 0;  // floats, dense only; 0 for sparse
  Initializer initializer;
  OptimizerSpec optimizer;
  Staleness staleness;

  // Number of blocks of a dense table.
  uint64_t blocks() const { return (size + dim - 1) / dim; }
  friend bool operator==(const TableSpec&, const TableSpec&) = default;
};

// Block size of dense tables, in floats: 16 KiB, small enough to spread a layer over shards and
// large enough that its 8-byte key is noise.
inline constexpr uint32_t kBlockFloats = 4096;

// Of one dense table: 256 GiB.
inline constexpr uint64_t kMaxDenseFloats = uint64_t{1} << 36;

}  // namespace rubato
