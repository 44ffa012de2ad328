// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: find the calls that another task is inside
 *
 * The hard part is reading the records of another task. It may leave a call at
 * any time, and its stack is then reused or freed. A task that is not on a CPU
 * cannot leave: task_call_func() holds the lock that waking it takes. For a
 * task that is on a CPU, the record is published with a release store. It is
 * read after an acquire load, with a copy that tolerates faults, and only from
 * the stack of the task. If the task leaves at this very moment, the copy may
 * contain anything. So pointers in it are followed only into the stack, and it
 * is used only if it names a method. A caller that acts on it checks more than
 * that, see cdevm_can_be_killed().
 */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/sections.h>

#include "internal.h"

static bool cdevm_is_on_stack(const struct task_struct *task, const void *p)
{
	return p - task_stack_page(task) >= 0 &&
	       p - task_stack_page(task) <= (long)(THREAD_SIZE - sizeof(struct cdevm_call));
}

/*
 * Called under the lock that keeps @task from being woken, or that of its run
 * queue.
 */
static int cdevm_see(struct task_struct *task, void *data)
{
	struct cdevm_sight *sight = data;
	/* Pairs with the release in cdevm_push_call(). */
	const struct cdevm_call *next = smp_load_acquire(&task->cdevm_call);
	unsigned int depth;

	sight->state = READ_ONCE(task->__state);
	sight->running = task_curr(task);
	for (depth = 0; next && depth < CDEVM_DEPTH; depth++) {
		if (!cdevm_is_on_stack(task, next) ||
		    copy_from_kernel_nofault(&sight->call, next, sizeof(sight->call)) ||
		    !is_kernel_rodata((unsigned long)sight->call.method))
			break;
		if (sight->wanted(sight)) {
			sight->found = true;
			break;
		}
		next = sight->call.outer;
	}
	return 0;
}

/**
 * cdevm_look() - find a call that a task is inside
 * @task: the task, on which the caller has a reference
 * @sight: its @wanted is called for each call of @task, innermost first, until
 *	it returns true; with locks held and interrupts off. The other fields
 *	are filled in
 *
 * Context: Any context but NMI.
 * Return: true if there is such a call.
 */
bool cdevm_look(struct task_struct *task, struct cdevm_sight *sight)
{
	sight->task = task;
	sight->found = false;
	if (READ_ONCE(task->cdevm_call))
		task_call_func(task, cdevm_see, sight);
	return sight->found;
}
