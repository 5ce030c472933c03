// Pulls: which rows to ask where, what may be used, and when an iteration may begin.
#include <algorithm>
#include <span>
#include <utility>

#include "common/base/status.h"
#include "common/job/shard_map.h"
#include "common/memory/huge_floats.h"
#include "common/wire/codec.h"
#include "common/wire/protocol.h"
#include "worker/client/ps_client.h"
#include "worker/client/runs.h"

namespace rubato {
namespace {

// Decodes the rows of an answer, each to where it belongs among `values`. Neighbours travel
// together.
bool ScatterValues(const TableRows& answer, size_t dim, std::span<const uint32_t> indices,
                   Floats* values) {
  const size_t row_bytes = dim * ValueBytes(answer.codec);
  std::span<const std::byte> bytes = answer.values.bytes();
  if (bytes.size() != indices.size() * row_bytes) return false;
  for (size_t begin = 0; begin < indices.size();) {
    const size_t count = RunLength(indices.subspan(begin));
    const std::span<float> to(&(*values)[indices[begin] * dim], count * dim);
    CHECK(DecodeValues(answer.codec, bytes.first(count * row_bytes), to).ok());
    bytes = bytes.subspan(count * row_bytes);
    begin += count;
  }
  return true;
}

}  // namespace

void PsClient::Prefetch(Instant now, Clock clock, Parameters keys, Freshness freshness,
                        ClientOutput* out) {
  if (life_ == kNoLife) return;
  Fetch& fetch = fetches_[clock];
  fetch.rows = std::move(keys);
  if (freshness == Freshness::kExact) fetch.at_least = clock;
  Plan(clock, &fetch);
  AskWhereNeeded(now, clock, out);
}

void PsClient::Read(Instant now, Clock at_least, Parameters keys, ClientOutput* out) {
  if (life_ == kNoLife) return;
  Fetch& fetch = fetches_[at_least];
  fetch = Fetch{};
  fetch.rows = std::move(keys);
  fetch.at_least = at_least;
  fetch.started = true;
  Plan(at_least, &fetch);
  AskWhereNeeded(now, at_least, out);
  TryReady(now, out);
}

void PsClient::Start(Instant now, Clock clock, ClientOutput* out) {
  if (life_ == kNoLife || clock < clock_) return;
  const auto fetch = fetches_.find(clock);
  CHECK(fetch != fetches_.end(), "Start without Prefetch");
  fetch->second.started = true;
  for (const Place& place : places_) {
    fetch->second.gated |= !GatePassed(clock, fetch->second, place);
  }
  AskWhereNeeded(now, clock, out);
  TryReady(now, out);
}

// Deals the rows of a fetch out to the shards that own them.
void PsClient::Plan(Clock clock, Fetch* fetch) {
  const auto places = static_cast<uint32_t>(places_.size());
  fetch->tags.assign(fetch->rows.size(), {});
  fetch->places.assign(places, PlaceFetch{});
  for (PlaceFetch& share : fetch->places) share.rows.resize(fetch->rows.size());
  for (size_t t = 0; t < fetch->rows.size(); ++t) {
    ParameterRows& rows = fetch->rows[t];
    const TableSpec& spec = options_.job.tables[TableIndex(rows.table)];
    ResizeFresh(&rows.values, rows.keys.size() * spec.dim);
    fetch->tags[t].assign(rows.keys.size(), clock);
    for (size_t i = 0; i < rows.keys.size(); ++i) {
      const PlaceId place = PlaceOf(spec, rows.keys[i], places);
      fetch->places[place.value()].rows[t].push_back(static_cast<uint32_t>(i));
    }
  }
  for (size_t place = 0; place < places_.size(); ++place) FillFromCache(clock, place, fetch);
}

void PsClient::FillFromCache(Clock clock, size_t place, Fetch* fetch) {
  PlaceFetch& share = fetch->places[place];
  share.requests.clear();
  share.missing = share.rows;
  if (options_.cache == CacheMode::kOff || fetch->at_least) return;
  for (size_t t = 0; t < share.rows.size(); ++t) {
    ParameterRows& rows = fetch->rows[t];
    share.missing[t] = cache_.Get({TableIndex(rows.table), rows.keys, share.rows[t]}, clock,
                                  rows.values.data(), fetch->tags[t].data());
  }
}

// A place is asked for the rows that are missing; for an iteration that is about to begin also,
// with no rows, to learn that its gate is open.
void PsClient::AskWhereNeeded(Instant now, Clock clock, ClientOutput* out) {
  const Fetch& fetch = fetches_[clock];
  for (size_t place = 0; place < places_.size(); ++place) {
    const PlaceFetch& share = fetch.places[place];
    if (!share.requests.empty()) continue;
    const bool rows = std::any_of(share.missing.begin(), share.missing.end(),
                                  [](const auto& missing) { return !missing.empty(); });
    const bool gate = fetch.started && !GatePassed(clock, fetch, places_[place]);
    if (rows || gate) Ask(now, clock, place, out);
  }
}

void PsClient::Ask(Instant now, Clock clock, size_t place, ClientOutput* out) {
  Fetch& fetch = fetches_[clock];
  PlaceFetch& share = fetch.places[place];
  share.requests = Split(fetch, share);
  for (size_t i = 0; i < share.requests.size(); ++i) {
    Request& request = share.requests[i];
    request.id = RequestId(++request_counter_);
    requests_[request.id] = {clock, place, i};
  }
  AskOn(now, place, out);
}

// Asks a shard for what is wanted of it as far as there is room, the earliest iterations first:
// later ones may have to wait for them, so they take no room that an earlier one still needs. What
// only asks to pass the gate is never kept back.
void PsClient::AskOn(Instant now, size_t place, ClientOutput* out) {
  bool full = false;
  for (auto& [clock, fetch] : fetches_) {
    if (fetch.ready) continue;
    for (Request& request : fetch.places[place].requests) {
      if (request.asked_at) continue;
      const bool gate = std::all_of(request.rows.begin(), request.rows.end(),
                                    [](const auto& rows) { return rows.empty(); });
      full = full || (!gate && !MayAsk(request, places_[place]));
      if (full && !gate) continue;
      request.asked_at = now;
      ++places_[place].asked;
      places_[place].asked_bytes += request.bytes;
      SendPull(clock, place, request, out);
    }
  }
}

uint64_t PsClient::BytesOf(const Request& request, const Fetch& fetch) const {
  uint64_t bytes = 0;
  for (size_t t = 0; t < request.rows.size(); ++t) {
    if (request.rows[t].empty()) continue;
    const TableSpec& table = options_.job.tables[TableIndex(fetch.rows[t].table)];
    bytes += CreditRule::RowBytes(request.rows[t].size(), table.dim);
  }
  return bytes;
}

bool PsClient::MayAsk(const Request& request, const Place& place) const {
  return place.asked < options_.max_asked &&
         place.asked_bytes + request.bytes <= CreditRule::kPulls;
}

// Several answers of moderate size overlap on their way; one huge one does not.
std::vector<PsClient::Request> PsClient::Split(const Fetch& fetch, const PlaceFetch& share) const {
  std::vector<Request> requests(1);
  requests[0].rows.resize(share.missing.size());
  size_t bytes = 0;
  size_t tables = 0;
  for (size_t t = 0; t < share.missing.size(); ++t) {
    const size_t row_bytes =
        options_.job.tables[TableIndex(fetch.rows[t].table)].dim * ValueBytes(options_.pull_codec);
    for (const uint32_t i : share.missing[t]) {
      const bool another = requests.back().rows[t].empty();
      const bool full = bytes + row_bytes > options_.max_part_bytes ||
                        (another && tables == options_.max_part_tables);
      if (full && bytes > 0) {
        requests.emplace_back();
        requests.back().rows.resize(share.missing.size());
        bytes = tables = 0;
      }
      if (requests.back().rows[t].empty()) ++tables;
      requests.back().rows[t].push_back(i);
      bytes += row_bytes;
    }
  }
  for (Request& request : requests) request.bytes = BytesOf(request, fetch);
  return requests;
}

void PsClient::SendPull(Clock clock, size_t place, const Request& request, ClientOutput* out) {
  const Fetch& fetch = fetches_[clock];
  Pull pull;
  pull.from = life_;
  pull.to = places_[place].life;
  pull.id = request.id;
  pull.use = clock;
  pull.at_least = fetch.at_least;
  std::vector<RowKey> keys;
  for (size_t t = 0; t < request.rows.size(); ++t) {
    if (request.rows[t].empty()) continue;
    keys.clear();
    for (const uint32_t i : request.rows[t]) keys.push_back(fetch.rows[t].keys[i]);
    TableRows rows;
    rows.table = fetch.rows[t].table;
    rows.rows = static_cast<uint32_t>(keys.size());
    rows.codec = options_.pull_codec;
    rows.keys = EncodeKeys(keys);
    pull.rows.push_back(std::move(rows));
  }
  out->messages.push_back({places_[place].nonce, std::move(pull)});
}

void PsClient::ResendPulls(Instant now, ClientOutput* out) {
  for (auto& [clock, fetch] : fetches_) {
    if (fetch.ready) continue;
    for (size_t place = 0; place < fetch.places.size(); ++place) {
      for (Request& request : fetch.places[place].requests) {
        if (request.answered || !request.asked_at) continue;
        if (now - *request.asked_at < options_.resend_after) continue;
        ++counters_.resent;
        request.asked_at = now;
        SendPull(clock, place, request, out);
      }
    }
  }
}

void PsClient::ReceiveReply(Instant now, Nonce from, const PullReply& reply, ClientOutput* out) {
  const std::optional<size_t> place = FindPlace(from, reply.from);
  if (reply.to != life_ || !place) return;
  Place& shard = places_[*place];
  shard.min_clock = std::max(shard.min_clock.value_or(reply.min_clock), reply.min_clock);
  if (shard.next_send < clock_) Pump(now, *place, out);  // it may be taken, or has credit, now
  TakeReply(reply, *place);
  AskOn(now, *place, out);
  TryReady(now, out);
}

void PsClient::TakeReply(const PullReply& reply, size_t place) {
  const auto found = requests_.find(reply.id);
  if (found == requests_.end() || found->second.place != place) return;
  Request* const request = FindRequest(reply.id, found->second);
  if (request == nullptr || !TakeRows(reply, place, found->second.clock, *request)) return;
  requests_.erase(found);
  request->answered = true;
  --places_[place].asked;
  places_[place].asked_bytes -= request->bytes;
}

// nullptr for one of a shard life that is over: its rows were asked for again.
PsClient::Request* PsClient::FindRequest(RequestId id, const RequestAt& at) {
  const auto fetch = fetches_.find(at.clock);
  if (fetch == fetches_.end() || at.place >= fetch->second.places.size()) return nullptr;
  std::vector<Request>& requests = fetch->second.places[at.place].requests;
  if (at.index >= requests.size() || requests[at.index].id != id) return nullptr;
  return &requests[at.index];
}

// Copies the values to their rows and tags them with the shard's min_clock when it answered.
bool PsClient::TakeRows(const PullReply& reply, size_t place, Clock use, const Request& request) {
  Fetch& fetch = fetches_[use];
  const Clock tag = reply.min_clock;
  size_t answer = 0;
  for (size_t t = 0; t < request.rows.size(); ++t) {
    if (request.rows[t].empty()) continue;
    ParameterRows& rows = fetch.rows[t];
    const size_t table = TableIndex(rows.table);
    const size_t dim = options_.job.tables[table].dim;
    if (answer >= reply.rows.size() || reply.rows[answer].table != rows.table) return false;
    const TableRows& answered = reply.rows[answer++];
    if (!ScatterValues(answered, dim, request.rows[t], &rows.values)) return false;
    for (const uint32_t i : request.rows[t]) fetch.tags[t][i] = tag;
    if (options_.cache == CacheMode::kOn) {
      cache_.Put({table, rows.keys, request.rows[t]}, PlaceId(static_cast<uint32_t>(place)), tag,
                 rows.values.data());
    }
    counters_.rows_pulled += request.rows[t].size();
    counters_.bytes_pulled += answered.values.size();
  }
  return true;
}

bool PsClient::GatePassed(Clock clock, const Fetch& fetch, const Place& place) const {
  if (staleness_.infinite() && !fetch.at_least) return true;
  return place.min_clock &&
         *place.min_clock >= ReadRule::OpensAt(fetch.at_least, clock, staleness_);
}

// An iteration begins when every shard has let it pass and every row asked for is here.
void PsClient::TryReady(Instant, ClientOutput* out) {
  for (auto& [clock, fetch] : fetches_) {
    if (!fetch.started || fetch.ready) continue;
    bool complete = true;
    for (size_t place = 0; place < places_.size(); ++place) {
      const std::vector<Request>& requests = fetch.places[place].requests;
      complete = complete && GatePassed(clock, fetch, places_[place]) &&
                 std::all_of(requests.begin(), requests.end(),
                             [](const Request& request) { return request.answered; });
    }
    if (!complete) continue;
    fetch.ready = true;
    Ready ready;
    ready.clock = ready.oldest_read = clock;
    ready.gated = fetch.gated;
    for (const auto& tags : fetch.tags) {
      for (const Clock tag : tags) ready.oldest_read = std::min(ready.oldest_read, tag);
    }
    fetch.oldest_read = ready.oldest_read;
    CountCached(fetch);
    ready.rows = std::move(fetch.rows);
    // Push needs the keys and the shares; the values are the trainer's.
    fetch.rows.clear();
    out->events.push_back(std::move(ready));
  }
  if (options_.role != Role::kReader) return;
  std::erase_if(fetches_, [](const auto& fetch) { return fetch.second.ready; });
}

// Here and not when the cache was asked: that is done again for a new life of a shard.
void PsClient::CountCached(const Fetch& fetch) {
  for (const PlaceFetch& share : fetch.places) {
    for (size_t t = 0; t < share.rows.size(); ++t) {
      counters_.rows_cached += share.rows[t].size() - share.missing[t].size();
    }
  }
}

size_t PsClient::TableIndex(TableId id) const {
  CHECK(id.value() < options_.job.tables.size() && options_.job.tables[id.value()].id == id);
  return id.value();
}

}  // namespace rubato
