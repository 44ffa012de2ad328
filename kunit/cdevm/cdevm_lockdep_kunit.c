// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what lockdep reports about cdevm
 *
 * Each case does something that would hang if it were done at the wrong moment.
 * Here it does not, but lockdep must report it all the same. With the report
 * lockdep turns itself off, so there is one case per boot, and a case detects
 * the report by lockdep being off.
 */
#include <kunit/test.h>
#include <linux/cdevm.h>
#include <linux/debug_locks.h>
#include <linux/mutex.h>
#include <linux/resmgr_gate.h>

static struct resmgr_gate *new_gate(struct kunit *test)
{
	struct resmgr_gate *gate = kunit_kzalloc(test, sizeof(*gate), GFP_KERNEL);

	if (!debug_locks)
		kunit_skip(test, "lockdep has turned itself off in this boot");
	KUNIT_ASSERT_NOT_NULL(test, gate);
	KUNIT_ASSERT_EQ(test, resmgr_gate_init(gate), 0);
	return gate;
}

/* Calls take a mutex. Later a task waits for the calls while it holds the mutex. */
static void drain_under_mutex(struct kunit *test)
{
	static DEFINE_MUTEX(mutex);
	struct resmgr_gate *gate = new_gate(test);

	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, debug_locks);

	pr_info("kunit: expect possible circular locking dependency\n");
	mutex_lock(&mutex);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	mutex_unlock(&mutex);
	pr_info("kunit: expect-end\n");

	KUNIT_EXPECT_FALSE(test, debug_locks);
	resmgr_gate_destroy(gate);
}

/* A call that waits for all calls. */
static void drain_inside_call(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);

	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, debug_locks);

	pr_info("kunit: expect possible recursive locking\n");
	KUNIT_EXPECT_FALSE(test, resmgr_gate_drain(gate, 1));
	pr_info("kunit: expect-end\n");

	KUNIT_EXPECT_FALSE(test, debug_locks);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	resmgr_gate_destroy(gate);
}

struct owner {
	struct cdevm_scope	scope;
};

static DEFINE_MUTEX(owner_mutex);

static void owner_action(void *unused)
{
	mutex_lock(&owner_mutex);
	mutex_unlock(&owner_mutex);
}

/* In one place, so that all are of one class. */
static struct owner *new_owner(struct kunit *test)
{
	struct owner *owner;

	if (!debug_locks)
		kunit_skip(test, "lockdep has turned itself off in this boot");
	owner = cdevm_alloc("cdevm-lockdep", struct owner, scope);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(&owner->scope, owner_action, NULL), 0);
	return owner;
}

/*
 * The last put takes a mutex. Later a task that holds the mutex drops a
 * reference that is not the last.
 */
static void put_under_mutex(struct kunit *test)
{
	struct owner *owner = new_owner(test);

	cdevm_put(&owner->scope);
	owner = new_owner(test);
	cdevm_get(&owner->scope);
	KUNIT_EXPECT_TRUE(test, debug_locks);

	pr_info("kunit: expect possible circular locking dependency\n");
	mutex_lock(&owner_mutex);
	cdevm_put(&owner->scope);
	mutex_unlock(&owner_mutex);
	pr_info("kunit: expect-end\n");

	KUNIT_EXPECT_FALSE(test, debug_locks);
	cdevm_put(&owner->scope);
}

/* What is allowed must not be reported: or a report would mean nothing. */
static void drain_as_it_should_be(struct kunit *test)
{
	static DEFINE_MUTEX(mutex);
	struct resmgr_gate *gate = new_gate(test);

	mutex_lock(&mutex);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	resmgr_gate_exit(gate);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	mutex_unlock(&mutex);
	KUNIT_EXPECT_TRUE(test, debug_locks);
	resmgr_gate_destroy(gate);
}

static struct kunit_case lockdep_cases[] = {
	KUNIT_CASE(drain_as_it_should_be),
	KUNIT_CASE(drain_under_mutex),
	KUNIT_CASE(drain_inside_call),
	KUNIT_CASE(put_under_mutex),
	{}
};

static struct kunit_suite lockdep_suite = {
	.name		= "cdevm-lockdep",
	.test_cases	= lockdep_cases,
};

kunit_test_suite(lockdep_suite);

MODULE_DESCRIPTION("KUnit tests of what lockdep says of cdevm");
MODULE_LICENSE("GPL");
