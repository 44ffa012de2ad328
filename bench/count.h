/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the programs that measure: a result is a line as in resmgr_bench.c
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* Few enough that most runs see no timer interrupt; the shortest one counts. */
#define LOOPS	1000
#define RUNS	7

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void report(const char *name, const char *variant, unsigned int n,
		   uint64_t value, unsigned int per, const char *unit)
{
	printf("BENCH %s %s %u %llu %u %s\n", name, variant, n,
	       (unsigned long long)value, per, unit);
}

#define bench(name, variant, ...)					\
do {									\
	uint64_t begin, took, best = UINT64_MAX;			\
	int run, i;							\
									\
	for (run = 0; run < RUNS; run++) {				\
		begin = now();						\
		for (i = 0; i < LOOPS; i++) {				\
			__VA_ARGS__;					\
		}							\
		took = now() - begin;					\
		if (took < best)					\
			best = took;					\
	}								\
	report(name, variant, LOOPS, best, LOOPS, "instructions");	\
} while (0)

#endif /* BENCH_COUNT_H */
