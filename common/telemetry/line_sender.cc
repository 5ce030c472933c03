#include "common/telemetry/line_sender.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace rubato {

void LineSender::Add(std::string line, LineWorth worth) {
  if (line.size() > kMaxLineBytes) {
    ++dropped_;
    return;
  }
  waiting_bytes_ += line.size();
  waiting_.push_back({std::move(line), worth});
  while (waiting_bytes_ > options_.max_bytes) DropOne();
}

void LineSender::DropOne() {
  const auto least = std::ranges::min_element(waiting_, {}, &Waiting::worth);  // the first of them
  waiting_bytes_ -= least->line.size();
  waiting_.erase(least);
  ++dropped_;
}

void LineSender::TellDropped(std::string line) {
  waiting_bytes_ += line.size();
  waiting_.push_front({std::move(line), LineWorth::kLastWords});
  dropped_ = 0;
}

const LineBatch* LineSender::Due(Instant now) {
  if (under_way_.lines.empty()) MakeBatch();
  if (under_way_.lines.empty()) return nullptr;
  if (sent_at_ && now - *sent_at_ < options_.resend_after) return nullptr;
  sent_at_ = now;
  return &under_way_;
}

void LineSender::MakeBatch() {
  sent_at_.reset();
  size_t bytes = 0;
  while (!waiting_.empty() && under_way_.lines.size() < kMaxLines && bytes < options_.batch_bytes) {
    bytes += waiting_.front().line.size();
    under_way_.lines.push_back(std::move(waiting_.front().line));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
}

// Half a batch is never taken; what acknowledges another one is old.
void LineSender::Acknowledged(uint64_t next) {
  if (under_way_.lines.empty() || next != under_way_.first + under_way_.lines.size()) return;
  under_way_ = {.first = next, .lines = {}};
}

}  // namespace rubato
