// An image of a shard's tables as they were at a cut: the store takes the rows out while the shard
// goes on (common/memory/frozen_rows.h). Made by the shard's thread, then owned by the store's.
#pragma once

#include <memory>
#include <vector>

#include "common/memory/frozen_rows.h"
#include "server/snapshot/image_source.h"

namespace rubato {

class FrozenImage final : public ImageSource {
 public:
  struct FrozenTable {
    TableId table;
    std::shared_ptr<FrozenRows> rows;
  };
  FrozenImage(ImageHead head, std::vector<FrozenTable> tables);
  // What was not taken is given up.
  ~FrozenImage() override;
  FrozenImage(const FrozenImage&) = delete;
  FrozenImage& operator=(const FrozenImage&) = delete;

  const ImageHead& head() const override { return head_; }
  std::vector<TableShape> tables() const override;
  absl::Status Take(size_t table, uint64_t rows, TableImage* out) override;

 private:
  const ImageHead head_;
  const std::vector<FrozenTable> tables_;
  std::vector<TableImage> carried_;  // of each table: taken, not handed out yet
};

}  // namespace rubato
