// Marks a small function that the CPU reference and a CUDA kernel both call, so that a formula is
// written once.
#pragma once

#ifdef __CUDACC__
#define RUBATO_HOST_DEVICE __host__ __device__
#else
#define RUBATO_HOST_DEVICE
#endif
