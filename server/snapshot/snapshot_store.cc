// Images as folders of row files. Formats and their reasons: server/snapshot/image_manifest.h
// (files of an image), server/snapshot/image_folder.h (publishing).
#include "server/snapshot/snapshot_store.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/image_manifest.h"
#include "server/snapshot/image_rows.h"

namespace rubato {
namespace {

constexpr char kManifestFile[] = "manifest";

// Reading -----------------------------------------------------------------------------------------

absl::Status CheckLength(const std::string& path, uint64_t expected) {
  ASSIGN_OR_RETURN(const uint64_t found, FileBytes(path));
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrFormat("row file %s: it has %d bytes, not %d", path, found, expected));
}

// Without a look at the row files.
absl::StatusOr<ImageManifest> ReadManifestAlone(const std::string& folder, const ImageName& name) {
  const std::string path = absl::StrCat(folder, "/", kManifestFile);
  ASSIGN_OR_RETURN(const std::string bytes, ReadSmallFile(path, kMaxManifestBytes));
  absl::StatusOr<ImageManifest> manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return Annotate(manifest.status(), "manifest " + path);
  if (manifest->name != name) {
    return absl::DataLossError(absl::StrFormat("manifest %s: it is of another image, %s", path,
                                               ImageFolderName(manifest->name)));
  }
  return manifest;
}

absl::StatusOr<ImageManifest> ReadManifest(const std::string& folder, const ImageName& name) {
  ASSIGN_OR_RETURN(ImageManifest manifest, ReadManifestAlone(folder, name));
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    RETURN_IF_ERROR(CheckLength(RowFilePath(folder, i), manifest.files[i].bytes));
  }
  return manifest;
}

// Whether `base` can be what `image` says that it rests on.
absl::Status CheckLink(const std::string& store, const ImageManifest& image,
                       const ImageManifest& base) {
  const bool fits = base.depth + 1 == image.depth && base.places == image.places &&
                    base.job_fingerprint == image.job_fingerprint;
  if (fits) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("%s rests on %s, which does not fit",
                                             ImageFolderPath(store, image.name),
                                             ImageFolderName(base.name)));
}

// The manifests of a chain, its newest image first.
absl::StatusOr<std::vector<ImageManifest>> ReadChain(const std::string& store,
                                                     const ImageName& name) {
  std::vector<ImageManifest> chain;
  for (std::optional<ImageName> next = name; next; next = chain.back().base) {
    ASSIGN_OR_RETURN(ImageManifest manifest, ReadManifest(ImageFolderPath(store, *next), *next));
    if (!chain.empty()) RETURN_IF_ERROR(CheckLink(store, chain.back(), manifest));
    chain.push_back(std::move(manifest));
  }
  return chain;
}

// Adds the tables of an image, with room for the rows that ReadRows then fills in.
void AddRoom(const ImageManifest& manifest, Image* image) {
  for (const TableShape& t : manifest.tables) {
    image->tables.push_back({t.table, t.row_floats, std::vector<RowKey>(t.rows),
                             std::vector<float>(t.rows * t.row_floats)});
  }
}

void PutEntry(const ImageManifest& manifest, const Entry& entry, std::span<TableImage> tables) {
  TableImage& table = tables[entry.piece.table];
  const uint64_t first = RowsOf(manifest.tables, entry.piece).first;
  const bool is_keys = entry.column == Column::kKeys;
  void* to = is_keys ? static_cast<void*>(table.keys.data() + first)
                     : static_cast<void*>(table.rows.data() + first * table.row_floats);
  if (entry.size > 0) std::memcpy(to, entry.bytes, entry.size);
}

absl::StatusOr<Image> ReadImage(const std::string& store, const ImageName& name,
                                const CountBytes& count) {
  ASSIGN_OR_RETURN(const std::vector<ImageManifest> chain, ReadChain(store, name));
  const ImageHead& head = chain.front();
  Image image = {head, {}};
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    const size_t first = image.tables.size();
    AddRoom(*link, &image);
    const auto tables = std::span(image.tables).subspan(first);
    const auto put = [&](const Entry& entry) { PutEntry(*link, entry, tables); };
    RETURN_IF_ERROR(ReadRows(ImageFolderPath(store, link->name), *link, put, count));
  }
  return image;
}

// What an error in a published image means to its reader: it was whole once.
absl::Status Damaged(const absl::Status& cause, const std::string& folder) {
  if (cause.code() != absl::StatusCode::kDataLoss && cause.code() != absl::StatusCode::kNotFound) {
    return cause;
  }
  return absl::DataLossError(absl::StrFormat(
      "%s; restore %s from a copy, or train into a new folder", cause.message(), folder));
}

// The store ---------------------------------------------------------------------------------------

class DiskSnapshotStore : public SnapshotStore {
 public:
  DiskSnapshotStore(std::string path, WriteMode mode) : path_(std::move(path)), mode_(mode) {}

  using SnapshotStore::Write;
  absl::Status Write(ImageSource* source) override;
  absl::StatusOr<Image> Read(const ImageName& name) override {
    absl::StatusOr<Image> image = ReadImage(path_, name, Counter());
    if (!image.ok()) return Explained(image.status(), name);
    return image;
  }
  absl::Status Check(const ImageName& name) override;
  absl::StatusOr<std::vector<ImageName>> Chain(const ImageName& name) override;
  absl::StatusOr<std::vector<ImageName>> List() override { return ListImageFolders(path_); }
  absl::Status Remove(const ImageName& name) override { return RemoveImageFolder(path_, name); }

 private:
  absl::Status Explained(const absl::Status& why, const ImageName& name);
  absl::Status CheckRoom(const ImageSource& source) const;
  CountBytes Counter() {
    return [this](uint64_t bytes) { NoteWork(bytes); };
  }
  std::string FolderOf(const ImageName& name) const { return ImageFolderPath(path_, name); }

  const std::string path_;
  const WriteMode mode_;
};

absl::Status DiskSnapshotStore::CheckRoom(const ImageSource& source) const {
  // Of RocksDB's own: 64 bytes an entry, 4 KiB a file; of ours: the manifest, 16 bytes an entry.
  const std::vector<TableShape> tables = source.tables();
  uint64_t needed = 4096 + 16 * (source.head().positions.size() + tables.size());
  uint64_t pieces = 0;
  for (const TableShape& table : tables) {
    needed += table.bytes();
    pieces += PiecesOf(table);
  }
  needed += 2 * 64 * pieces + 4096 * (pieces / kPiecesPerFile + 2);
  ASSIGN_OR_RETURN(const uint64_t available, BytesAvailable(path_));
  if (needed <= available) return absl::OkStatus();
  return absl::UnavailableError(absl::StrFormat(
      "no room for image %s: it needs %d bytes and the disk of %s has %d; free some space there",
      ImageFolderName(source.head().name), needed, path_, available));
}

absl::Status DiskSnapshotStore::Write(ImageSource* source) {
  RETURN_IF_ERROR(CheckRoom(*source));
  const ImageHead& head = source->head();
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageDraft> draft, ImageDraft::Begin(path_, head.name));
  ASSIGN_OR_RETURN(WrittenRows written, WriteRows(draft->path(), source, mode_, Counter()));
  const ImageManifest manifest = {head, std::move(written.tables), std::move(written.files)};
  RETURN_IF_ERROR(
      WriteNewFile(absl::StrCat(draft->path(), "/", kManifestFile), EncodeManifest(manifest)));
  return draft->Publish();
}

absl::Status DiskSnapshotStore::Check(const ImageName& name) {
  const std::string folder = FolderOf(name);
  ASSIGN_OR_RETURN(const ImageManifest manifest, ReadManifest(folder, name));
  return CheckRows(folder, manifest, Counter());
}

absl::StatusOr<std::vector<ImageName>> DiskSnapshotStore::Chain(const ImageName& name) {
  const absl::StatusOr<std::vector<ImageManifest>> chain = ReadChain(path_, name);
  if (!chain.ok()) return Explained(chain.status(), name);
  std::vector<ImageName> names;
  for (const ImageManifest& manifest : *chain) names.push_back(manifest.name);
  return names;
}

// Why nothing was read of `name`.
absl::Status DiskSnapshotStore::Explained(const absl::Status& why, const ImageName& name) {
  // Asked last, since it may have been pruned meanwhile.
  ASSIGN_OR_RETURN(const std::vector<ImageName> present, List());
  if (std::binary_search(present.begin(), present.end(), name)) {
    return Damaged(why, FolderOf(name));
  }
  return absl::NotFoundError(
      absl::StrFormat("%s: this image is not there; restore it from a copy, or train into a new "
                      "folder",
                      FolderOf(name)));
}

class ReadOnlySnapshotStore : public DiskSnapshotStore {
 public:
  explicit ReadOnlySnapshotStore(const std::string& folder)
      : DiskSnapshotStore(folder, WriteMode::kBuffered), folder_(folder) {}

  using SnapshotStore::Write;
  absl::Status Write(ImageSource* /*source*/) override { return Refuse(); }
  absl::Status Remove(const ImageName& /*name*/) override { return Refuse(); }

 private:
  absl::Status Refuse() const {
    return absl::FailedPreconditionError(
        absl::StrCat(folder_, " is only read by a fleet that serves; nothing in it is changed"));
  }

  const std::string folder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStore(const std::string& path) {
  RETURN_IF_ERROR(MakeStoreFolder(path));
  RETURN_IF_ERROR(RemoveLeftovers(path));
  return std::make_unique<DiskSnapshotStore>(path, WriteModeOf(path));
}

absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStoreToRead(const std::string& path) {
  RETURN_IF_ERROR(ListImageFolders(path).status());
  return std::make_unique<ReadOnlySnapshotStore>(path);
}

absl::StatusOr<ImageHead> ReadHead(const std::string& path, const ImageName& name) {
  ASSIGN_OR_RETURN(ImageManifest manifest, ReadManifestAlone(ImageFolderPath(path, name), name));
  return ImageHead(std::move(manifest));
}

absl::Status VerifyImage(const std::string& path, const ImageName& name) {
  const absl::StatusOr<std::vector<ImageManifest>> chain = ReadChain(path, name);
  absl::Status status = chain.status();
  for (size_t i = 0; status.ok() && i < chain->size(); ++i) {
    status = ReadRows(
        ImageFolderPath(path, (*chain)[i].name), (*chain)[i], [](const Entry&) {}, [](uint64_t) {});
  }
  // What is published has all its files.
  if (status.code() != absl::StatusCode::kNotFound) return status;
  return absl::DataLossError(status.message());
}

absl::StatusOr<std::vector<std::string>> DamageOf(const std::string& path, const ImageName& name) {
  std::vector<std::string> damage;
  const absl::Status whole = VerifyImage(path, name);
  if (whole.ok()) return damage;
  if (!absl::IsDataLoss(whole)) return whole;
  // File by file, as that stops at the first one; the way down the chain ends at a bad manifest.
  for (std::optional<ImageName> next = name; next;) {
    const std::string folder = ImageFolderPath(path, *next);
    const absl::StatusOr<ImageManifest> manifest = ReadManifestAlone(folder, *next);
    if (!manifest.ok()) {
      damage.emplace_back(manifest.status().message());
      break;
    }
    for (size_t i = 0; i < manifest->files.size(); ++i) {
      const absl::Status file = CheckRowFile(RowFilePath(folder, i), manifest->files[i]);
      if (!file.ok()) damage.emplace_back(file.message());
    }
    next = manifest->base;
  }
  if (damage.empty()) damage.emplace_back(whole.message());
  return damage;
}

}  // namespace rubato
