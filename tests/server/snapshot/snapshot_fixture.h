// Images with random rows, for the tests of what is kept on disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/env.h"
#include "server/snapshot/snapshot_store.h"
#include "tests/scratch_folder.h"

namespace rubato {

inline ImageName NameOf(uint64_t snapshot, uint32_t place, uint64_t life_number) {
  return {SnapshotNumber(snapshot), PlaceId(place), Life(life_number)};
}

inline TableImage RandomTable(uint32_t id, uint64_t rows, uint32_t row_floats, Rng* rng) {
  TableImage table{TableId(id), row_floats, {}, {}};
  for (uint64_t i = 0; i < rows; ++i) table.keys.emplace_back(rng->Next());
  for (uint64_t i = 0; i < rows * row_floats; ++i) {
    table.rows.push_back(static_cast<float>(rng->Uniform() - 0.5));
  }
  return table;
}

inline Image ImageWithoutTables(const ImageName& name) {
  Image image;
  image.name = name;
  return image;
}

// A dense table, an empty one, and a sparse one of `sparse_rows` rows of 16 floats.
inline Image RandomImage(const ImageName& name, uint64_t sparse_rows, uint64_t seed) {
  Rng rng(seed);
  return {{.name = name,
           .generation = Generation(rng.Below(9)),
           .clock = Clock(static_cast<int64_t>(rng.Below(1000))),
           .exact = rng.Chance(0.5),
           .job_fingerprint = rng.Next(),
           .places = 3,
           .positions = {{Life(4), Clock(17)}, {Life(5), Clock(18)}}},
          {RandomTable(7, 5, 100, &rng), RandomTable(8, 0, 12, &rng),
           RandomTable(2, sparse_rows, 16, &rng)}};
}

}  // namespace rubato
