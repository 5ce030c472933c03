// Products of a batch of rows with a matrix of weights, for scores: a row of the result depends on
// its own row and the weights alone, to the bit, however many rows stand beside it and wherever.
//
// BLAS sums in an order that depends on the shape of the batch, so that a customer scored alone
// would get other last digits than in a file. Here every sum runs over the inner dimension in
// order, one rounded multiplication and one rounded addition at a time (no fused ones), whatever
// the width of the vectors: the same bits on every machine.
#pragma once

#include "worker/compute/matrix.h"

namespace rubato {

// y += x w. x [rows, in], w [in, out], y [rows, out]; y must not overlap the others.
void AddRowProducts(ConstMatrix x, ConstMatrix w, Matrix y);

}  // namespace rubato
