// Immutable bytes with shared ownership: what a payload frame is made of.
//
// A Buffer may point into a ZeroMQ message, so its address can be odd: read it with memcpy or
// through common/wire/codec.h, never by a cast. Copying a Buffer copies a pointer; the bytes never
// change, so that a push can be kept for replay while it is on the wire.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace rubato {

class Buffer {
 public:
  Buffer() = default;
  // `owner` keeps `bytes` alive.
  Buffer(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  // Takes the vector's memory; nothing is copied.
  template <class T, class Allocator>
  static Buffer Own(std::vector<T, Allocator> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto owner = std::make_shared<const std::vector<T, Allocator>>(std::move(values));
    const auto bytes = std::as_bytes(std::span<const T>(*owner));
    return Buffer(std::move(owner), bytes);
  }

  template <class T>
  static Buffer Copy(std::span<const T> values) {
    return Own(std::vector<T>(values.begin(), values.end()));
  }

  // Part of it, which keeps all of it alive. Requires begin + size <= size().
  Buffer Slice(size_t begin, size_t size) const {
    return Buffer(owner_, bytes_.subspan(begin, size));
  }

  const std::byte* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  friend bool operator==(const Buffer& a, const Buffer& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
  }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

}  // namespace rubato
