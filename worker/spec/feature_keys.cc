#include "worker/spec/feature_keys.h"

namespace rubato {

void FeatureKeys::Find(const Batch& batch, std::vector<RowKey>* keys) {
  keys_.Begin(batch.categories.size() + batch.keys.size());
  keys_.Add(std::span<const uint32_t>(batch.categories), ranges_.categories);
  keys_.Add(std::span<const uint64_t>(batch.keys), ranges_.sparse);
  keys_.Finish(keys);
}

void FeatureKeys::Locate(const Batch& batch, std::span<const RowKey> keys) {
  keys_.Assign(keys);
  categories_.resize(batch.categories.size());
  sparse_.resize(batch.keys.size());
  keys_.Positions(std::span<const uint32_t>(batch.categories), ranges_.categories,
                  categories_.data());
  keys_.Positions(std::span<const uint64_t>(batch.keys), ranges_.sparse, sparse_.data());
}

}  // namespace rubato
