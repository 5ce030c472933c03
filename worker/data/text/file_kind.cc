#include "worker/data/text/file_kind.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {
namespace {

// Literals may hold NUL bytes.
template <size_t N>
constexpr absl::string_view Bytes(const char (&literal)[N]) {
  return absl::string_view(literal, N - 1);
}

struct FileKind {
  absl::string_view magic;
  const char* name;
  const char* remedy;  // F stands for the path
  size_t offset = 0;
  // Else a file whose magic is words must hold a byte that no text does: a column may be called so.
  bool text = false;
};

constexpr char kArrow[] =
    "convert it: python3 -c \"import pandas; pandas.read_feather('F').to_csv('F.csv', "
    "index=False)\"";
constexpr char kExcel[] =
    "save the sheet as CSV, or: python3 -c \"import pandas; pandas.read_excel('F').to_csv('F.csv', "
    "index=False)\"";
constexpr char kJson[] =
    "convert it: python3 -c \"import pandas; pandas.read_json('F').to_csv('F.csv', index=False)\", "
    "with lines=True where each line is a row";
constexpr char kUnpack[] = "unpack it and name the file in it";
constexpr char kPickle[] =
    "convert it where it was made: python3 -c \"import pandas; "
    "pandas.read_pickle('F').to_csv('F.csv', index=False)\"";
constexpr char kUtf16[] = "convert it: iconv -f utf-16 -t utf-8 F > F.utf8";
constexpr char kPage[] = "this is not the data itself: download that";

// The longer of two that begin alike stands first.
constexpr FileKind kKinds[] = {
    {"PAR1", "a Parquet file",
     "convert it: python3 -c \"import pandas; pandas.read_parquet('F').to_csv('F.csv', "
     "index=False)\""},
    {"ARROW1", "an Arrow file", kArrow},
    {"FEA1", "a Feather file", kArrow},
    {"ORC", "an ORC file",
     "convert it: python3 -c \"import pandas; pandas.read_orc('F').to_csv('F.csv', index=False)\""},
    {Bytes("Obj\x01"), "an Avro file", "convert it to CSV"},
    {Bytes("\x89HDF\r\n\x1a\n"), "an HDF5 file",
     "convert it: python3 -c \"import pandas; pandas.read_hdf('F').to_csv('F.csv', index=False)\""},
    {Bytes("SQLite format 3\0"), "an SQLite database",
     "write its table: sqlite3 -csv -header F 'select * from TABLE' > F.csv"},
    {Bytes("\x93NUMPY"), "a NumPy array",
     "convert it: python3 -c \"import numpy; numpy.savetxt('F.csv', numpy.load('F'), "
     "delimiter=',')\" and see data.header"},
    {"RDX2\n", "an R workspace", "write.csv(table, 'F.csv', row.names = FALSE) in R"},
    {"RDX3\n", "an R workspace", "write.csv(table, 'F.csv', row.names = FALSE) in R"},
    {"<stata_dta>", "a Stata file",
     "convert it: python3 -c \"import pandas; pandas.read_stata('F').to_csv('F.csv', "
     "index=False)\""},
    {"$FL", "an SPSS file",
     "convert it: python3 -c \"import pandas; pandas.read_spss('F').to_csv('F.csv', "
     "index=False)\""},
    {Bytes("\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60"), "a SAS file",
     "convert it: python3 -c \"import pandas; pandas.read_sas('F').to_csv('F.csv', "
     "index=False)\""},
    {Bytes("\x80\x02"), "a Python pickle", kPickle},
    {Bytes("\x80\x03"), "a Python pickle", kPickle},
    {Bytes("\x80\x04\x95"), "a Python pickle", kPickle},
    {Bytes("\x80\x05\x95"), "a Python pickle", kPickle},
    {Bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Office file (xls)", kExcel},
    {Bytes("PK\x03\x04"), "an Excel workbook (xlsx)", kExcel},  // or another zip, see KindOf
    {Bytes("PK\x05\x06"), "an empty zip archive", kUnpack},
    {"%PDF-", "a PDF document", "export the table behind it as CSV", 0, true},
    {Bytes("\xfd\x37zXZ"), "compressed with xz", "unpack it: xz -dk F, or use gzip or zstd"},
    {"BZh", "compressed with bzip2", "unpack it: bzip2 -dk F, or use gzip or zstd"},
    {Bytes("\x04\x22\x4d\x18"), "compressed with lz4", "unpack it: lz4 -d F F.csv"},
    {Bytes("\x1f\x9d"), "compressed with compress", "unpack it: gzip -dc F > F.csv"},
    {Bytes("7z\xbc\xaf\x27\x1c"), "a 7z archive", kUnpack},
    {Bytes("Rar!\x1a\x07"), "a RAR archive", kUnpack},
    {"ustar", "a tar archive", kUnpack, 257},
    {Bytes("\xff\xfe\0\0"), "UTF-32", "convert it: iconv -f utf-32 -t utf-8 F > F.utf8"},
    {Bytes("\xff\xfe"), "UTF-16", kUtf16},
    {Bytes("\xfe\xff"), "UTF-16", kUtf16},
    {"{\"", "JSON", kJson, 0, true},
    {"[{", "JSON", kJson, 0, true},
    {"version https://git-lfs", "a pointer of Git LFS", "fetch the data: git lfs pull", 0, true},
};

// Zip archives that are something to a person, by the name of their first entry.
constexpr FileKind kZips[] = {
    {"[Content_Types].xml", "an Excel workbook (xlsx)", kExcel},
    {"_rels/", "an Excel workbook (xlsx)", kExcel},
    {"docProps/", "an Excel workbook (xlsx)", kExcel},
    {"xl/", "an Excel workbook (xlsx)", kExcel},
    {"mimetype", "an OpenDocument file (ods)", kExcel},
    {"", "a zip archive", "unpack it: unzip F, and name the file in it"},
};
constexpr size_t kZipNameAt = 30;

constexpr absl::string_view kPages[] = {"<!doctype html", "<html", "<?xml"};

bool Begins(absl::string_view head, const FileKind& kind) {
  return head.size() >= kind.offset && absl::StartsWith(head.substr(kind.offset), kind.magic);
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_iscntrl(byte) && !absl::ascii_isspace(byte);
}

bool IsAscii(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80 && !IsControl(c); });
}

bool Is(absl::string_view head, const FileKind& kind) {
  if (!Begins(head, kind)) return false;
  return kind.text || !IsAscii(kind.magic) || std::any_of(head.begin(), head.end(), IsControl);
}

bool IsPage(absl::string_view head) {
  head = absl::StripLeadingAsciiWhitespace(absl::StripPrefix(head, "\xef\xbb\xbf"));
  return std::any_of(std::begin(kPages), std::end(kPages), [head](absl::string_view page) {
    return absl::StartsWithIgnoreCase(head, page);
  });
}

const FileKind* KindOf(absl::string_view head) {
  static constexpr FileKind kPageKind = {"", "a page of HTML or XML", kPage};
  const auto is = [head](const FileKind& kind) { return Is(head, kind); };
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds), is);
  if (kind == std::end(kKinds)) return IsPage(head) ? &kPageKind : nullptr;
  if (kind->magic != "PK\x03\x04") return kind;
  head = head.substr(std::min(kZipNameAt, head.size()));
  return std::find_if(std::begin(kZips), std::end(kZips),
                      [head](const FileKind& zip) { return Begins(head, zip); });
}

// A path that a shell and Python would take for something else is left to the reader.
std::string PathForRemedy(const std::string& path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("/._-+=@%,").find(c) != absl::string_view::npos;
  });
  return plain ? path : "FILE";
}

// Every F that stands alone.
std::string FillIn(absl::string_view remedy, const std::string& path) {
  const std::string file = PathForRemedy(path);
  return absl::StrReplaceAll(remedy, {{"'F'", absl::StrCat("'", file, "'")},
                                      {"'F.", absl::StrCat("'", file, ".")},
                                      {" F.", absl::StrCat(" ", file, ".")},
                                      {" F,", absl::StrCat(" ", file, ",")},
                                      {" F ", absl::StrCat(" ", file, " ")}});
}

}  // namespace

absl::Status CheckFileKind(absl::string_view head, const std::string& path) {
  const FileKind* kind = KindOf(head);
  if (kind == nullptr) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrFormat("%s: is %s; %s", path, kind->name, FillIn(kind->remedy, path)));
}

bool IsGzip(absl::string_view head) { return absl::StartsWith(head, "\x1f\x8b"); }
bool IsZstd(absl::string_view head) { return absl::StartsWith(head, "\x28\xb5\x2f\xfd"); }

}  // namespace rubato
