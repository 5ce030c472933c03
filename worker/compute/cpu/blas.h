// Dense single-precision products: the one door to OpenBLAS, whose own threads are left unused: a
// worker is one compute thread, and a host runs several workers.
#pragma once

#include "absl/status/status.h"
#include "worker/compute/matrix.h"

namespace rubato {

// c = op(a) op(b) + beta c. c must not overlap a or b. An empty inner dimension gives beta c.
void Multiply(Operand a, Operand b, float beta, Matrix c);

// Loads OpenBLAS, keeps it to the calling thread, and gives it its work space now:
// ResourceExhausted when there is no room for it, FailedPrecondition where it is not installed. To
// be called before the first product, which would end the process instead.
absl::Status StartBlas();

}  // namespace rubato
