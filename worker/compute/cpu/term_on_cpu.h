// A term of a model on the CPU: what it adds to the margins of each row, and the gradients of its
// tables. A network (network_on_cpu.h) is a list of them.
//
// A new kind of term is a struct in worker/spec/model_spec.h, a MakeTerm here, and the file that
// defines it.
#pragma once

#include <memory>
#include <vector>

#include "worker/compute/cpu/input_on_cpu.h"
#include "worker/compute/cpu/linear.h"
#include "worker/compute/matrix.h"
#include "worker/spec/batch.h"
#include "worker/spec/model_spec.h"
#include "worker/spec/parameters.h"

namespace rubato {

// A batch on its way through a network, forward or back.
struct Pass {
  const Batch& batch;
  const Parameters& parameters;  // by table, with their values
  Purpose purpose;
  InputOnCpu& input;  // gathered for this batch, where a term reads it
};

// One object per network: it keeps scratch memory from pass to pass.
class TermOnCpu {
 public:
  virtual ~TermOnCpu() = default;
  // Whether it reads `input`.
  virtual bool ReadsInput() const { return false; }
  // Adds the term to margin[batch.rows, outputs].
  virtual void Forward(const Pass& pass, Matrix margin) = 0;
  // After Forward of the same pass: from d_margin[batch.rows, outputs] to the gradients of its
  // tables (shaped by ShapeGradients), and to the slope of the input, if it has one.
  virtual void Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) = 0;
};

std::unique_ptr<TermOnCpu> MakeTerm(const BiasTerm& term, const ModelSpec& spec);
std::unique_ptr<TermOnCpu> MakeTerm(const LinearTerm& term, const ModelSpec& spec);
std::unique_ptr<TermOnCpu> MakeTerm(const DeepTerm& term, const ModelSpec& spec);
std::unique_ptr<TermOnCpu> MakeTerm(const FactorizationMachine& term, const ModelSpec& spec);
// Null: it adds nothing to a margin by itself, it is the input of others.
std::unique_ptr<TermOnCpu> MakeTerm(const EmbeddingBag& term, const ModelSpec& spec);

}  // namespace rubato
