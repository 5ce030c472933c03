// Orders of operators (an Order each): what a signal to the scheduler's process would do, asked for
// from anywhere by whoever the endpoint lets say it. Each is told, with the key that it came by.
#pragma once

#include "common/base/stop_signals.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/message.h"

namespace rubato {

class Orders {
 public:
  // `serves`: a fleet for readers. `events` must outlive it.
  Orders(bool serves, EventLog* events) : serves_(serves), events_(events) {}

  // Carries it out, as a signal to this process, or says why not.
  OrderReply Take(const Order& order, StopSignals* signals);

 private:
  OrderReply Obey(OrderKind what, StopSignals* signals);
  OrderReply Stop(StopSignals* signals);

  const bool serves_;
  EventLog* const events_;
  bool stop_ordered_ = false;
};

}  // namespace rubato
