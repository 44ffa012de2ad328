// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the instructions that the resource manager executes, see event-cost.sh
 *
 * The objects of the kernel are linked into this program, which runs them: their
 * code does not ask where it is, as long as that is within 2 GB of 0. What they
 * call are the functions below, which do next to nothing. With the trap flag set
 * there is a signal after each instruction; those in lib/resmgr are counted.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

/* Of event-cost-kernel.c: what is counted, in order. */
struct cost {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
};

extern const struct cost cost_list[];

/* Where the code of lib/resmgr is: the linker knows. */
extern const char __start_text_resmgr[], __stop_text_resmgr[];

static unsigned int counted;

static void step(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const char *ip = (const char *)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	/* It is the one that comes next. */
	counted += ip >= __start_text_resmgr && ip < __stop_text_resmgr;
}

static void trap(int on)
{
	if (on)
		asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	else
		asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
	const struct cost *cost;

	sigaction(SIGTRAP, &action, NULL);
	for (cost = cost_list; cost->name; cost++) {
		cost->prepare();
		counted = 0;
		trap(1);
		cost->run();
		trap(0);
		printf("%s\t%u\n", cost->name, counted);
	}
	return 0;
}

/* --- what the kernel's code calls */

char kmalloc_caches[1 << 16];

unsigned long _raw_spin_lock_irqsave(void *lock)
{
	(void)lock;
	return 0;
}

void _raw_spin_unlock_irqrestore(void *lock, unsigned long flags)
{
	(void)lock;
	(void)flags;
}

size_t kmalloc_size_roundup(size_t size)
{
	return size;
}

void *__kmalloc_node_track_caller_noprof(size_t size)
{
	return malloc(size);
}

void *__kmalloc_cache_noprof(void *cache, unsigned int gfp, size_t size)
{
	(void)cache;
	(void)gfp;
	return malloc(size);
}

void kfree(void *object)
{
	free(object);
}
