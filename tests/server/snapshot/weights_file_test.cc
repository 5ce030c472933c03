#include "server/snapshot/weights_file.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

template <class T>
std::string Bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TableWeights Dense(const std::string& name, std::vector<float> weights) {
  TableWeights table;
  table.spec.name = name;
  table.spec.kind = TableKind::kDense;
  table.spec.dim = 4096;
  table.spec.size = weights.size();
  table.weights = std::move(weights);
  return table;
}

TableWeights Sparse(const std::string& name, uint32_t dim, const std::vector<uint64_t>& keys,
                    std::vector<float> weights) {
  TableWeights table;
  table.spec.name = name;
  table.spec.dim = dim;
  for (const uint64_t key : keys) table.keys.emplace_back(key);
  table.weights = std::move(weights);
  return table;
}

class WeightsFileTest : public testing::Test {
 protected:
  std::string Write(WeightsFormat format, const std::vector<TableWeights>& tables) {
    const auto written = WriteWeightsFile(format, tables, path_);
    EXPECT_TRUE(written.ok()) << written.status();
    const std::string bytes = Slurp(path_);
    EXPECT_EQ(written->bytes, bytes.size());
    EXPECT_EQ(written->sha256, Sha256(bytes));
    return bytes;
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/model";
};

TEST_F(WeightsFileTest, SafetensorsAreHeaderAndTensorsInOrder) {
  const std::string header = R"({"rows.keys":{"dtype":"U64","shape":[2],"data_offsets":[0,16]},)"
                             R"("none.keys":{"dtype":"U64","shape":[0],"data_offsets":[16,16]},)"
                             R"("a \"layer\"":{"dtype":"F32","shape":[3],"data_offsets":[16,28]},)"
                             R"("rows.rows":{"dtype":"F32","shape":[2,2],"data_offsets":[28,44]},)"
                             R"("none.rows":{"dtype":"F32","shape":[0,5],"data_offsets":[44,44]}})";
  const uint64_t padded = (header.size() + 7) / 8 * 8;
  const uint64_t large = uint64_t{1} << 63;
  EXPECT_EQ(Write(WeightsFormat::kSafetensors,
                  {Dense("a \"layer\"", {1, 2, 3}), Sparse("rows", 2, {7, large}, {4, 5, 6, 7}),
                   Sparse("none", 5, {}, {})}),
            Bytes<uint64_t>({padded}) + header + std::string(padded - header.size(), ' ') +
                Bytes<uint64_t>({7, large}) + Bytes<float>({1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(WeightsFileTest, CsvHasALineARowWithDigitsThatReadBack) {
  EXPECT_EQ(Write(WeightsFormat::kCsv,
                  {Dense("layer", {0.1F, -2}), Sparse("a \"b\", c", 2, {7, 18446744073709551615U},
                                                      {1e-45F, 3.4028235e38F, 0.5F, NAN})}),
            "table,key,weight_0,weight_1\n"
            "layer,0,0.1,\n"
            "layer,1,-2,\n"
            "\"a \"\"b\"\", c\",7,1e-45,3.4028235e+38\n"
            "\"a \"\"b\"\", c\",18446744073709551615,0.5,nan\n");
}

TEST_F(WeightsFileTest, AModelWithoutTablesIsAFile) {
  EXPECT_EQ(Write(WeightsFormat::kSafetensors, {}), Bytes<uint64_t>({8}) + "{}      ");
  EXPECT_EQ(Write(WeightsFormat::kCsv, {}), "table,key,weight_0\n");
}

TEST_F(WeightsFileTest, AHeaderThatNobodyReadsIsNotWritten) {
  const std::string before = Write(WeightsFormat::kSafetensors, {Dense("layer", {1})});
  const auto written =
      WriteWeightsFile(WeightsFormat::kSafetensors,
                       {Dense(std::string(kMaxSafetensorsHeaderBytes, 'x'), {1})}, path_);
  EXPECT_EQ(ExitCode(written.status()), kExitUsage);
  EXPECT_NE(written.status().message().find("more than 100000000; use --format csv"),
            std::string::npos)
      << written.status();
  EXPECT_EQ(Slurp(path_), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace rubato
