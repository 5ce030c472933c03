#include "worker/run_file/run_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "tests/scratch_folder.h"
#include "tests/worker/run_file/parse_text.h"
#include "worker/run_file/run_config_format.h"
#include "worker/run_file/run_file.h"

namespace rubato {
namespace {

TEST(RunConfig, ReadsEveryTypeOfValue) {
  const auto config = Parse(
      "device = \"cpu\"\n"
      "[data]\npath = \"loans.csv\"\nlabel = \"default\"\ndrop = [\"ID\", \"date\"]\n"
      "[model]\nkind = \"mlp\"\nhidden = [32, 16, 8]\n"
      "[optimizer]\nkind = \"adam\"\nlearning_rate = 1\nl2 = 1e-4\n"
      "[train]\nstaleness = \"inf\"\nbatch = 64\nbest_epoch = true\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data.path, "/runs/loans.csv");
  EXPECT_EQ(config->data.drop, (std::vector<std::string>{"ID", "date"}));
  EXPECT_EQ(config->model.hidden, (std::vector<int64_t>{32, 16, 8}));
  EXPECT_EQ(config->optimizer.learning_rate, 1.0);
  EXPECT_EQ(config->optimizer.l2, 1e-4);
  EXPECT_TRUE(config->train.staleness.infinite());
  EXPECT_EQ(config->train.batch, 64);
  EXPECT_TRUE(config->train.best_epoch);
  EXPECT_EQ(config->fleet, FleetConfig{}) << "absent keys keep their defaults";
}

TEST(RunConfig, WhatIsNoTomlNamesItsLineAndTheWayOut) {
  const std::string error = ErrorWith("income,age,default\n1,2,0\n");
  EXPECT_TRUE(absl::StartsWith(error, "/runs/my.toml:4:7: ")) << error;
  EXPECT_TRUE(
      absl::EndsWith(error, "; correct this line of TOML, or write a run file with `rubato init`"));
}

TEST(RunConfig, UnknownKeyNamesLineAndNearestKey) {
  EXPECT_EQ(ErrorWith("[train]\nepochs = 1\nstalenes = 3\n"),
            "/runs/my.toml:6: unknown key 'train.stalenes'; did you mean 'train.staleness'?");
  EXPECT_EQ(ErrorWith("[trian]\nepochs = 1\n"),
            "/runs/my.toml:4: unknown key 'trian'; did you mean 'train'?");
  EXPECT_EQ(ErrorOf("batch = 3\n"),
            "/runs/my.toml:1: unknown key 'batch'; did you mean 'train.batch'?");
  EXPECT_EQ(ErrorWith("[train]\nlearning_rate = 1.0\n"),
            "/runs/my.toml:5: unknown key 'train.learning_rate'; did you mean "
            "'optimizer.learning_rate'?");
  EXPECT_NE(ErrorWith("[qqqqqqqq]\n")
                .find("known are: fleet, launch, data, data.join, series, target, split"),
            std::string::npos);
}

TEST(RunConfig, TypeAndRangeErrorsNameKeyLineAndRemedy) {
  EXPECT_EQ(ErrorWith("[train]\nbatch = -1\n"),
            "/runs/my.toml:5: train.batch is -1; it must be an integer from 0 to 1048576");
  EXPECT_EQ(ErrorWith("[train]\nbatch = \"many\"\n"),
            "/runs/my.toml:5: train.batch must be an integer from 0 to 1048576");
  EXPECT_EQ(ErrorWith("[train]\nstaleness = -1\n"),
            "/runs/my.toml:5: train.staleness must be an integer from 0 to 1000000, or \"inf\"");
  EXPECT_EQ(ErrorWith("[train]\nbest_epoch = 1\n"),
            "/runs/my.toml:5: train.best_epoch must be true or false");
  EXPECT_EQ(ErrorWith("[optimizer]\nkind = \"adamw\"\n"),
            "/runs/my.toml:5: optimizer.kind is unknown: \"adamw\"; it must be one of \"sgd\", "
            "\"momentum\", \"adagrad\", \"adam\", \"ftrl\"");
  EXPECT_EQ(ErrorWith("[optimizer]\nlearning_rate = nan\n"),
            "/runs/my.toml:5: optimizer.learning_rate is nan; it must be a number from 0 to "
            "1e+06");
  EXPECT_EQ(ErrorWith("positive = 1\n"),
            "/runs/my.toml:4: data.positive must be a text in quotes, or a list of them, as in "
            "[\"late\", \"lost\"]");
  EXPECT_EQ(ErrorWith("ignore = [\"a\", 1]\n").substr(0, 43),
            "/runs/my.toml:4: data.ignore must be a text");
  EXPECT_EQ(ErrorWith("drop = \"ID\"\n"),
            "/runs/my.toml:4: data.drop must be a list of column names, as in [\"ID\", \"date\"]");
  EXPECT_EQ(ErrorWith("[launch]\nslurm = \"-p main\"\n"),
            "/runs/my.toml:5: launch.slurm must be a list of options, as in "
            "[\"--partition=main\", \"--time=2:00:00\"]");
  EXPECT_EQ(ErrorWith("[model]\nhidden = [8, 0]\n"),
            "/runs/my.toml:5: model.hidden must be a list of integers from 1 to 65536, as in "
            "[64, 32]");
  EXPECT_EQ(ErrorOf("train = 3\n"),
            "/runs/my.toml:1: 'train' is a section; write [train] and its keys below it");
  EXPECT_EQ(ErrorOf("[data\n").substr(0, 18), "/runs/my.toml:1:6:");
}

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(RunConfig, KeysThatContradictEachOtherAreRefused) {
  EXPECT_EQ(ErrorOf("[data]\npath = \"x.csv\"\n"),
            "/runs/my.toml:1: data.label is missing; name the column to predict, as in label = "
            "\"default\"");
  EXPECT_EQ(ErrorOf("").substr(0, 37), "/runs/my.toml:1: data.path is missing");
  EXPECT_EQ(ErrorWith("[fleet]\nhost = \"0.0.0.0\"\n"),
            "/runs/my.toml:5: fleet.host '0.0.0.0' is no host that others could connect to; give "
            "an address, or fleet.interface");
  EXPECT_EQ(ErrorWith("[fleet]\nhost = \"h 1\"\n").substr(0, 42),
            "/runs/my.toml:5: fleet.host 'h 1' is no ho");
  EXPECT_EQ(ErrorWith("[fleet]\nhost = \"10.0.0.1\"\nports = \"7000-7100\"\n"), "no error");
  EXPECT_EQ(ErrorWith("[fleet]\ninterface = \"eth0\"\n"), "no error");
  EXPECT_EQ(ErrorWith("[fleet]\nports = \"7100-7000\"\n"),
            "/runs/my.toml:5: fleet.ports '7100-7000' is no range of ports; write it as in "
            "\"7000-7100\"");
  EXPECT_EQ(ErrorWith("[fleet]\ntransport = \"ipc\"\ninterface = \"eth0\"\n"),
            "/runs/my.toml:6: fleet.interface has no meaning with fleet.transport = \"ipc\"; use "
            "\"tcp\", or leave it out");
  EXPECT_EQ(ErrorWith("[fleet]\nservers = 205\nshards_per_server = 5\n"),
            "/runs/my.toml:6: fleet.servers = 205 of fleet.shards_per_server = 5 are 1025 shards; "
            "1024 is the most");
  EXPECT_EQ(ErrorWith("[fleet]\nservers = 256\nshards_per_server = 4\n"), "no error");
  EXPECT_EQ(ErrorWith("[model]\nhidden = [" + Repeat("8,", 257) + "]\n"),
            "/runs/my.toml:5: model.hidden has 257 layers; 256 is the most");
  EXPECT_EQ(ErrorOf(std::string("device = \"gpu\"\n") + kCsv),
            "/runs/my.toml:1: device must be \"cpu\", \"cuda\", or \"cuda:N\" for one GPU of the "
            "host: \"gpu\"");
  EXPECT_EQ(ErrorWith("[train]\nprecision = \"bf16\"\n"),
            "/runs/my.toml:5: train.precision = \"bf16\" needs a GPU; use \"f32\", or device = "
            "\"cuda\"");
  EXPECT_EQ(ErrorWith("[split]\ntrain_percent = 80\nvalidation_percent = 20\n"),
            "/runs/my.toml:5: split.train_percent + split.validation_percent is 100, which leaves "
            "no rows to test on; together they may be 99 at most");
  EXPECT_TRUE(Parse(std::string(kCsv) +
                    "test_path = \"t.csv\"\n[split]\ntrain_percent = 80\nvalidation_percent = 20\n")
                  .ok());
  for (const auto* lines :
       {"drop = [\"default\"]\n", "categorical = [\"a\"]\nnumeric = [\"a\"]\n", "time = \"day\"\n",
        "[split]\nkind = \"time\"\n", "[model]\nkind = \"mlp\"\nhidden = []\n",
        "[optimizer]\nl1 = 0.1\n", "[fleet]\ntransport = \"ipc\"\nport = 5555\n",
        "[train]\nbest_epoch = true\n[split]\nvalidation_percent = 0\n"}) {
    EXPECT_NE(ErrorWith(lines), "no error") << lines;
  }
  EXPECT_NE(ErrorOf("[data]\nformat = \"generated\"\npath = \"x\"\n"), "no error");
  for (const char* key : {"label = \"y\"", "missing = [\"-1\"]"}) {
    EXPECT_NE(ErrorOf(absl::StrCat("[data]\nformat = \"libsvm\"\npath = \"x\"\n", key, "\n")),
              "no error");
  }
  EXPECT_EQ(ErrorWith("missing = [-999]\n"),
            "/runs/my.toml:4: data.missing must be a list of texts, as in [\"-999\", "
            "\"income=99999999\"]");
}

TEST(RunConfig, SshNeedsAFileOfHosts) {
  EXPECT_EQ(ErrorWith("[launch]\nkind = \"ssh\"\n"),
            "/runs/my.toml:5: launch.kind = \"ssh\" needs launch.hosts, the file that names the "
            "hosts");
  const auto config = Parse(absl::StrCat(kCsv, "[launch]\nkind = \"ssh\"\nhosts = \"hosts\"\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->launch.hosts, "/runs/hosts");
}

TEST(RunConfig, WhatIsNoOptionOfTheEngineIsRefused) {
  EXPECT_TRUE(Parse(absl::StrCat(kCsv, "[launch]\nslurm = [\"-p main\"]\n")).ok());
  EXPECT_EQ(ErrorWith("[launch]\nslurm_workers = [\"-p main\\n#SBATCH\"]\n"),
            "/runs/my.toml:5: launch.slurm_workers: \"-p main\\n#SBATCH\" is no option of sbatch; "
            "write one as on its command line, as in \"--partition=main\"");
  EXPECT_EQ(ErrorWith("[launch]\nslurm = [\"main\"]\n").substr(0, 43),
            "/runs/my.toml:5: launch.slurm: \"main\" is no");
}

TEST(RunConfig, ANumberThatTheRuleDoesNotReadIsRefused) {
  EXPECT_EQ(ErrorWith("[optimizer]\nl1 = 0.1\n"),
            "/runs/my.toml:5: optimizer.l1 is read by optimizer.kind = \"ftrl\" only, and the kind "
            "is \"adagrad\"; leave l1 out, or change the kind");
  EXPECT_EQ(ErrorWith("[optimizer]\nkind = \"sgd\"\nepsilon = 0.1\n"),
            "/runs/my.toml:6: optimizer.epsilon is read by optimizer.kind = \"adagrad\" or "
            "\"adam\" only, and the kind is \"sgd\"; leave epsilon out, or change the kind");
  EXPECT_NE(ErrorWith("[optimizer]\nmomentum = 0.5\n"), "no error");
  EXPECT_TRUE(Parse(std::string(kCsv) + "[optimizer]\nkind = \"sgd\"\n").ok());
  // The resolved copy of a run holds all.
  EXPECT_TRUE(Parse(std::string(kCsv) +
                    "[optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nl1 = "
                    "0.0\nmomentum = 0.9\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-08\n")
                  .ok());
}

TEST(RunConfig, WithoutServersOneWorkerTrainsOnAGpuAndCommitsNothing) {
  const std::string local = "device = \"cuda\"\n" + std::string(kCsv) + "[fleet]\nservers = 0\n";
  EXPECT_TRUE(Parse(local + "workers = 1\n").ok());
  EXPECT_EQ(ErrorWith("[fleet]\nservers = 0\nworkers = 1\n"),
            "/runs/my.toml:5: fleet.servers = 0 keeps the weights on a GPU; use device = \"cuda\", "
            "or one server at least");
  EXPECT_EQ(ErrorOf(local),
            "/runs/my.toml:5: fleet.servers = 0 trains in one process; use "
            "fleet.workers = 1, not 2");
  for (const char* more : {"[train]\nbest_epoch = true\n", "[snapshot]\nevery_clocks = 5\n"}) {
    EXPECT_NE(ErrorOf(local + "workers = 1\n" + more), "no error") << more;
  }
}

TEST(RunConfig, SnapshotsHaveBounds) {
  const std::string retention = std::string(kCsv) + "[snapshot]\nretention_soft_mib = 8\n";
  EXPECT_EQ(Parse(retention)->snapshot.retention_hard_mib, 1024);
  EXPECT_TRUE(Parse(retention + "retention_hard_mib = 8\n").ok());
  EXPECT_NE(
      ErrorOf(retention + "retention_hard_mib = 7\n")
          .find("snapshot.retention_hard_mib = 7 is less than snapshot.retention_soft_mib = 8"),
      std::string::npos);
  const std::string best = std::string(kCsv) + "[train]\nbest_epoch = true\nepochs = ";
  EXPECT_TRUE(Parse(best + "10000\n").ok());
  EXPECT_NE(ErrorOf(best + "10001\n").find("keeps a snapshot of each epoch, 10000 at most"),
            std::string::npos);
}

TEST(RunConfig, OverridesAreTomlOrBareWords) {
  const auto config = Parse(kCsv, {{"train.staleness", "inf"},
                                   {"train.batch", "8"},
                                   {"optimizer.kind", "ftrl"},
                                   {"data.positive", "2"},
                                   {"data.drop", "[\"a b\"]"},
                                   {"data.label", "\"quoted\""},
                                   {"data.path", "a/b.csv"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->train.staleness.infinite());
  EXPECT_EQ(config->train.batch, 8);
  EXPECT_EQ(config->optimizer.kind, "ftrl");
  EXPECT_EQ(config->data.positive, (std::vector<std::string>{"2"}));
  EXPECT_EQ(config->data.drop, (std::vector<std::string>{"a b"}));
  EXPECT_EQ(config->data.label, "quoted");
  EXPECT_EQ(config->data.path, "/runs/a/b.csv");
}

TEST(RunConfig, LabelValuesAreOneTextOrAList) {
  const auto config = Parse(std::string(kCsv) + "positive = \"late\"\nignore = [\"new\", \"2\"]\n",
                            {{"data.negative", "[\"paid\", \"current\"]"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data.positive, (std::vector<std::string>{"late"}));
  EXPECT_EQ(config->data.negative, (std::vector<std::string>{"paid", "current"}));
  EXPECT_EQ(config->data.ignore, (std::vector<std::string>{"new", "2"}));
  const auto again = Parse(FormatRunConfigToml(*config));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *config);
  EXPECT_TRUE(Parse(kCsv)->data.positive.empty());
}

TEST(RunConfig, EveryCharacterComesBackFromWhatIsWritten) {
  std::string text = "\xc3\xbc";
  for (int c = 1; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  const auto config = Parse(std::string(kCsv) + "drop = [" + QuotedText(text) + "]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data.drop, (std::vector<std::string>{text}));
  const auto again = Parse(FormatRunConfigToml(*config));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *config);
}

TEST(RunConfig, BytesThatAreNoUtf8AreRefusedAndNotRepaired) {
  const std::string error = ErrorOf(kCsv, {{"data.label", "M\xfcller"}});
  EXPECT_TRUE(absl::StrContains(error, "--set data.label")) << error;
  EXPECT_TRUE(absl::StrContains(error, "invalid utf-8")) << error;
}

TEST(RunConfig, OverrideErrorsNameTheOverride) {
  EXPECT_EQ(ErrorOf(kCsv, {{"trian.epochs", "3"}}),
            "--set trian.epochs: unknown key 'trian.epochs'; did you mean 'train.epochs'?");
  EXPECT_EQ(ErrorOf(kCsv, {{"train", "3"}}),
            "--set train: 'train' is a section; set a key of it, as in --set train.staleness=8");
  EXPECT_EQ(ErrorOf(kCsv, {{"train.batch", "few"}}),
            "--set train.batch: train.batch must be an integer from 0 to 1048576");
  EXPECT_EQ(ErrorOf(kCsv, {{"train.stalenes", "8"}}),
            "--set train.stalenes: unknown key 'train.stalenes'; did you mean 'train.staleness'?");
  EXPECT_EQ(ErrorOf(kCsv, {{"train.batch", "-1"}}),
            "--set train.batch: train.batch is -1; it must be an integer from 0 to 1048576");
  EXPECT_NE(ErrorOf(kCsv, {{"data.drop", "[1"}}), "no error");
  EXPECT_NE(ErrorOf(kCsv, {{"data.label", "x\nother = 3"}}), "no error");
  EXPECT_NE(ErrorOf(kCsv, {{"train.batch.size", "3"}}), "no error");
  EXPECT_NE(ErrorOf(kCsv, {{"", "3"}}), "no error");
  EXPECT_FALSE(ParseOverride("train.batch").ok());
  EXPECT_FALSE(ParseOverride("=3").ok());
  EXPECT_EQ(ParseOverride("a.b=c=d")->value, "c=d");
}

TEST(RunConfig, PathsExpandVariablesAndStartAtTheRunFile) {
  EXPECT_EQ(Parse("[data]\nformat = \"libsvm\"\npath = \"${DATA}/a.gz\"\n")->data.path,
            "/data/a.gz");
  EXPECT_EQ(Parse("[data]\nformat = \"libsvm\"\npath = \"../x/./a\"\n")->data.path, "/x/a");
  EXPECT_EQ(ErrorOf("[data]\nformat = \"libsvm\"\npath = \"${NOPE}/a\"\n"),
            "/runs/my.toml:3: data.path '${NOPE}/a' needs the environment variable NOPE, which is "
            "not set; export it, or write the path out");
  EXPECT_NE(ErrorOf("[data]\nformat = \"libsvm\"\npath = \"${DATA/a\"\n"), "no error");
  EXPECT_NE(ErrorOf("[data]\nformat = \"libsvm\"\npath = \"${LOOP}/a\"\n"), "no error");
}

TEST(RunConfig, ResolvedTomlLoadsBackToTheSameConfig) {
  const auto config = Parse(
      "[data]\npath = \"odd \\\"name\\\" \\u0007\\\\.csv\"\nlabel = \"d\\u00e9faut\"\n"
      "drop = [\"a\", \"b\"]\n[train]\nstaleness = \"inf\"\n"
      "[optimizer]\nlearning_rate = 0.1\nepsilon = 1e-8\nl2 = 3\n");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto again =
      ParseRunConfig(FormatRunConfigToml(*config), "/elsewhere/run.toml", {}, Variables({}));
  ASSERT_TRUE(again.ok()) << again.status() << FormatRunConfigToml(*config);
  EXPECT_EQ(*again, *config);
}

TEST(RunConfig, AHeaderIsThereOrNotOrFoundOut) {
  EXPECT_EQ(Parse(kCsv)->data.header, HeaderLine::kAuto);
  EXPECT_EQ(Parse(kCsv, {{"data.header", "false"}})->data.header, HeaderLine::kNo);
  EXPECT_EQ(Parse(kCsv, {{"data.header", "true"}})->data.header, HeaderLine::kYes);
  EXPECT_EQ(Parse(kCsv, {{"data.header", "auto"}})->data.header, HeaderLine::kAuto);
  EXPECT_EQ(ErrorOf(kCsv, {{"data.header", "none"}}),
            "--set data.header: data.header must be true or false, or \"auto\"");
  for (const char* header : {"true", "false", "auto"}) {
    const auto config = Parse(kCsv, {{"data.header", header}});
    const auto again =
        ParseRunConfig(FormatRunConfigToml(*config), "/elsewhere/run.toml", {}, Variables({}));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->data.header, config->data.header);
  }
  EXPECT_NE(ErrorOf("[data]\nformat = \"libsvm\"\npath = \"a\"\nheader = false\n")
                .find("data.header is about the columns of a CSV file"),
            std::string::npos);
}

TEST(RunConfig, ASectionMayHoldASection) {
  const JoinConfig both = {.path = "/data/policies.gz", .key = "id"};
  const std::vector<std::string> ways = {
      "join = { path = \"${DATA}/policies.gz\", key = \"id\" }\n",
      "[data.join]\npath = \"../data/policies.gz\"\nkey = \"id\"\n[train]\nbatch = 7\n"};
  for (const std::string& way : ways) {
    const auto config = Parse(kCsv + way);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->data.join, both);
    const auto again =
        ParseRunConfig(FormatRunConfigToml(*config), "/elsewhere/run.toml", {}, Variables({}));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *config);
  }
  const std::vector<Override> set = {{"data.join.path", "\"${DATA}/policies.gz\""},
                                     {"data.join.key", "id"}};
  EXPECT_EQ(Parse(kCsv, set)->data.join, both);
  EXPECT_EQ(Parse(kCsv + ways[1], {{"data.join.key", "7"}})->data.join.key, "7");
  const std::string json = FormatRunConfigJson(*Parse(kCsv, set));
  EXPECT_NE(json.find("\n    \"join\": {\n      \"path\": \"/data/policies.gz\",\n"
                      "      \"key\": \"id\"\n    }\n  },"),
            std::string::npos)
      << json;
  EXPECT_NE(CheckResumable(*Parse(kCsv), *Parse(kCsv, set)).message().find("data.join.key (\"\", "),
            absl::string_view::npos);
}

TEST(RunConfig, SlipsInASectionOfASectionAreNamed) {
  EXPECT_EQ(ErrorWith("[data.join]\npath = \"p\"\nkeys = \"id\"\n"),
            "/runs/my.toml:6: unknown key 'data.join.keys'; did you mean 'data.join.key'?");
  EXPECT_EQ(ErrorWith("[data.joins]\npath = \"p\"\n"),
            "/runs/my.toml:4: unknown key 'data.joins'; did you mean 'data.join'?");
  EXPECT_EQ(ErrorWith("join = \"p\"\n"),
            "/runs/my.toml:4: 'data.join' is a section; write [data.join] and its keys below it");
  EXPECT_EQ(ErrorOf(kCsv, {{"data.join.pth", "p"}}),
            "--set data.join.pth: unknown key 'data.join.pth'; did you mean 'data.join.path'?");
  EXPECT_EQ(ErrorWith("[data.join]\npath = 3\n"),
            "/runs/my.toml:5: data.join.path must be a string, in quotes");
  EXPECT_EQ(ErrorWith("\"join.key\" = \"id\"\n"),
            "/runs/my.toml:1: 'data.join.key' is one name with a dot in it; take its quotes off, "
            "or write [section] and the key below it");
}

TEST(RunConfig, JsonHasEverySectionAndEscapes) {
  const auto config = Parse("[data]\npath = \"a\\\"b\\n.csv\"\nlabel = \"y\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string json = FormatRunConfigJson(*config);
  EXPECT_NE(json.find("\"path\": \"/runs/a\\\"b\\n.csv\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"train\": {\n    \"staleness\": 4,"), std::string::npos) << json;
  EXPECT_NE(json.find("\"beta2\": 0.999"), std::string::npos) << json;
}

TEST(RunConfig, ResumeAllowsOnlyTheNamedKeys) {
  const RunConfig before = *Parse(kCsv);
  RunConfig now = before;
  now.train.epochs = 99;
  now.device = "cuda";
  now.train.precision = "tf32";
  now.train.staleness = Staleness::Infinite();
  now.snapshot.every_clocks = 7;
  now.snapshot.retention_soft_mib = 7;
  now.fleet.servers = 3;
  now.fleet.shards_per_server = 2;
  now.fleet.workers = 3;
  now.fleet.restarts = 0;
  now.launch.kind = "ssh";
  now.launch.hosts = "/runs/hosts";
  now.data.shared = true;
  EXPECT_TRUE(CheckResumable(before, now).ok());
  now.train.batch = 8;
  now.model.kind = "mlp";
  const absl::Status refused = CheckResumable(before, now);
  EXPECT_EQ(ExitCode(refused), kExitUsage);
  EXPECT_EQ(std::string(refused.message()),
            "cannot resume: changed since the run began: model.kind (\"linear\", now \"mlp\"), "
            "train.batch (0, now 8); only train.epochs, train.staleness, device, "
            "train.precision, train.strikes, train.rollback_*, snapshot.*, data.shared, fleet.* "
            "and launch.* may change, so undo that or start a new run");
  now = before;
  now.fleet.servers = 0;
  EXPECT_NE(CheckResumable(before, now).message().find("from or to 0"), absl::string_view::npos);
}

TEST(RunConfig, ResumeKeepsTheWorkersWhoseBitsArePromised) {
  RunConfig before = *Parse(kCsv);
  before.train.deterministic = true;
  RunConfig now = before;
  now.fleet.servers = 3;
  EXPECT_TRUE(CheckResumable(before, now).ok());
  now.fleet.workers = 3;
  EXPECT_EQ(CheckResumable(before, now).message(),
            "cannot resume: fleet.workers changed (2, now 3), and the bits that "
            "train.deterministic = true promises depend on it; undo that or start a new run");
}

TEST(RunConfig, MissingFileFolderAndGiantAreSentences) {
  const auto load = [](const std::string& path) {
    return std::string(LoadRunConfig(path, {}, Variables({})).status().message());
  };
  EXPECT_EQ(load("/nope/x.toml"),
            "/nope/x.toml: cannot read this run file; check its name, or write one with "
            "`rubato init`");
  EXPECT_NE(load(ScratchFolder().path()).find("cannot read this run file"), std::string::npos);
  EXPECT_NE(load("/dev/zero").find("larger than 1 MiB"), std::string::npos);
}

TEST(RunConfig, ShippedRunFilesLoad) {
  const auto runs = std::filesystem::path(RUBATO_SOURCE_DIR) / "launch/runs";
  int loaded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(runs)) {
    if (entry.path().extension() != ".toml") continue;
    const auto config =
        LoadRunConfig(entry.path().string(), {}, Variables({{"RUBATO_DATA_DIR", "/data"}}));
    EXPECT_TRUE(config.ok()) << config.status();
    ++loaded;
  }
  EXPECT_GE(loaded, 3);
}

}  // namespace
}  // namespace rubato
