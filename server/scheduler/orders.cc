#include "server/scheduler/orders.h"

#include <signal.h>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/keys/allow_list.h"
#include "common/telemetry/door_events.h"

namespace rubato {
namespace {

const char* NameOf(OrderKind what) {
  switch (what) {
    case OrderKind::kSnapshot:
      return "snapshot";
    case OrderKind::kStop:
      return "stop";
    case OrderKind::kStopAtOnce:
      break;
  }
  return "stop at once";
}

}  // namespace

OrderReply Orders::Take(const Order& order, StopSignals* signals) {
  OrderReply reply = Obey(order.what, signals);
  const OrderedEvent event{.order = NameOf(order.what),
                           .key = ShortKey(order.key),
                           .accepted = reply.accepted,
                           .why = reply.sentence};
  LogInfo(absl::StrFormat(
      "order '%s' of %s: %s", event.order,
      order.key.empty() ? "somebody on this host" : absl::StrCat("the admin's key ", event.key),
      event.why));
  events_->Write(event);
  return reply;
}

OrderReply Orders::Obey(OrderKind what, StopSignals* signals) {
  if (what == OrderKind::kSnapshot) {
    if (serves_) return {false, "this fleet trains nothing: it serves a snapshot that is kept"};
    signals->Order(SIGUSR1);
    return {true, "a snapshot is cut; the run goes on"};
  }
  if (what == OrderKind::kStop) return Stop(signals);
  signals->Order(SIGTERM);
  signals->Order(SIGTERM);
  stop_ordered_ = true;
  return {true, "the run is stopped at once; --resume goes on from the last snapshot"};
}

// Said twice it must not be what a second signal is.
OrderReply Orders::Stop(StopSignals* signals) {
  if (stop_ordered_ || signals->Count() > 0) return {true, "the run is being stopped already"};
  signals->Order(SIGTERM);
  stop_ordered_ = true;
  return {true, serves_ ? "the fleet is stopped" : "the run is stopped, with a snapshot"};
}

}  // namespace rubato
