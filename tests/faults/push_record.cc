#include "tests/faults/push_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr size_t kLives = 1024;  // of one process

}  // namespace

absl::StatusOr<PushRecorder> PushRecorder::Make(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileError(errno, "making", path);
  const bool sized = ftruncate(file, kLives * sizeof(PushRecord)) == 0;
  void* memory = sized ? mmap(nullptr, kLives * sizeof(PushRecord), PROT_READ | PROT_WRITE,
                              MAP_SHARED, file, 0)
                       : MAP_FAILED;
  const int error = errno;
  close(file);
  if (memory == MAP_FAILED) return FileError(error, "mapping", path);
  return PushRecorder(static_cast<PushRecord*>(memory));
}

PushRecord* PushRecorder::Begin() { return count_ == kLives ? nullptr : &records_[count_++]; }

absl::StatusOr<std::vector<PushRecord>> ReadPushRecords(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<PushRecord> records;
  for (PushRecord record; file.read(reinterpret_cast<char*>(&record), sizeof(record));) {
    if (record.life == 0) break;
    records.push_back(record);
  }
  if (file.bad()) return FileError(errno, "reading", path);
  return records;
}

}  // namespace rubato
