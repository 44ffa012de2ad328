// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm as a module: the table of calls
 *
 * In a kernel with cdevm a task points to the record of its innermost call, and
 * nothing is shared. Here the record is in a hash table, by the address of the
 * task: a lock is taken when a call begins and when it ends, for a look at a
 * list that is normally empty. Two tasks share a lock only if their addresses
 * fall into the same of many buckets.
 *
 * In return the records of other tasks are easy to read. A call ends under the
 * lock of its bucket, so while that is held the task is inside the scope,
 * whatever else it does, and its record is there.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/spinlock.h>

#include "cdevm/internal.h"

/* One cache line each, 16 KiB in total. */
#define CDEVM_BUCKETS	256

struct cdevm_bucket {
	spinlock_t		lock;	/* calls, and what each points to */
	struct hlist_head	calls;
} ____cacheline_aligned;

static struct cdevm_bucket cdevm_buckets[CDEVM_BUCKETS] = {
	[0 ... CDEVM_BUCKETS - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(cdevm_buckets.lock),
	},
};

static struct cdevm_bucket *cdevm_bucket(const struct task_struct *task)
{
	return &cdevm_buckets[hash_ptr(task, ilog2(CDEVM_BUCKETS))];
}

/* The innermost call of a task; under the lock of its bucket. */
static struct cdevm_call *cdevm_find_call(const struct cdevm_bucket *bucket,
					  const struct task_struct *task)
{
	struct cdevm_call *call;

	lockdep_assert_held(&bucket->lock);

	hlist_for_each_entry(call, &bucket->calls, hash)
		if (call->task == task)
			return call;
	return NULL;
}

/**
 * cdevm_push_call() - make a record the innermost one of this task
 * @call: the record, on the stack of the caller until cdevm_pop_call()
 * @scope: see &struct cdevm_call
 * @method: see &struct cdevm_call
 * @fn: see &struct cdevm_call
 *
 * Context: Task context.
 */
void cdevm_push_call(struct cdevm_call *call, struct cdevm_scope *scope,
		     const char *method, void *fn)
{
	struct cdevm_bucket *bucket = cdevm_bucket(current);

	call->scope = scope;
	call->method = method;
	call->fn = fn;
	call->task = current;
	spin_lock(&bucket->lock);
	call->outer = cdevm_find_call(bucket, current);
	if (call->outer)
		hlist_del(&call->outer->hash);
	hlist_add_head(&call->hash, &bucket->calls);
	spin_unlock(&bucket->lock);
}

/**
 * cdevm_pop_call() - undo cdevm_push_call()
 * @call: the record
 *
 * Context: The same task.
 */
void cdevm_pop_call(struct cdevm_call *call)
{
	struct cdevm_bucket *bucket = cdevm_bucket(current);

	spin_lock(&bucket->lock);
	hlist_del(&call->hash);
	if (call->outer)
		hlist_add_head(&call->outer->hash, &bucket->calls);
	spin_unlock(&bucket->lock);
}

/**
 * cdevm_innermost_call() - get the innermost record of this task
 *
 * Context: Task context.
 * Return: the record, or %NULL.
 */
const struct cdevm_call *cdevm_innermost_call(void)
{
	struct cdevm_bucket *bucket = cdevm_bucket(current);
	const struct cdevm_call *call;

	spin_lock(&bucket->lock);
	call = cdevm_find_call(bucket, current);
	spin_unlock(&bucket->lock);
	return call;
}

/**
 * cdevm_look() - find a call that a task is inside
 * @task: the task, on which the caller has a reference
 * @sight: its @wanted is called for each call of @task, innermost first, until it
 *	returns true; with a lock held, which the task needs to leave the call. The
 *	rest is filled in
 *
 * Context: Process context.
 * Return: true if there is such a call.
 */
bool cdevm_look(struct task_struct *task, struct cdevm_sight *sight)
{
	struct cdevm_bucket *bucket = cdevm_bucket(task);
	const struct cdevm_call *call;
	unsigned int depth = 0;

	sight->task = task;
	sight->found = false;
	spin_lock(&bucket->lock);
	for (call = cdevm_find_call(bucket, task); call && depth < CDEVM_DEPTH;
	     call = call->outer, depth++) {
		sight->call = *call;
		sight->state = READ_ONCE(task->__state);
		sight->running = READ_ONCE(task->on_cpu);
		sight->found = sight->wanted(sight);
		if (sight->found)
			break;
	}
	spin_unlock(&bucket->lock);
	return sight->found;
}
