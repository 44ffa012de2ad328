// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: early resources and early actions
 */

/**
 * DOC: early release
 *
 * An interface through which others reach an owner must be taken back while
 * everything that they may use is still there. The order of the list does not
 * ensure that: the resource that was added last, and so is released first, may
 * be one that they use. So a resource may be early. A release, of everything or
 * of a group, first runs what is early among the resources that it is about to
 * release:
 *
 * * the steps of each &struct resmgr_early: the first step of all of them,
 *   newest first, then the second step of all, and so on;
 * * then the early actions of resmgr_add_early_action(), newest first, which
 *   are thereby released.
 *
 * Then the other resources are released in their order, in which a &struct
 * resmgr_early has its place. Early resources are on the same list as all
 * others. So they belong to the same groups, and one that was left behind is
 * reported as any resource is.
 *
 * No step runs twice: whoever runs it counts it first, under the lock. As in
 * every release the list is consistent while a step runs, and no position in it
 * is kept meanwhile.
 *
 * Two tasks may release at the same time: the release of a device is serialised
 * by the device lock, but that of a group is not, as component_unbind() has a
 * lock of its own. So a task that finds a resource in the middle of a step
 * waits for the end of the step and looks again. An early action is off the
 * list while it runs, and a placeholder marks its place. So all early steps are
 * complete before a release goes on. A step that itself releases resources does
 * not wait for itself. It may even release its own resource, and the task that
 * runs the step is told.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "internal.h"

/**
 * struct resmgr_step - a step in progress, on the stack of its task
 * @task: the task that runs it
 * @outer: the step of the same resource during which this one runs, or %NULL
 * @nr: its number
 * @gone: the resource was released meanwhile
 */
struct resmgr_step {
	struct task_struct	*task;
	struct resmgr_step	*outer;
	unsigned int		nr;
	bool			gone;
};

/* Counts completed steps, and wakes those who wait for one. */
static atomic_t resmgr_steps_over = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(resmgr_step_over);

/**
 * resmgr_early_init() - prepare an early resource
 * @early: the early resource, embedded in a struct of yours
 * @step: does one step; called with the numbers from 0 on, each once
 * @steps: number of steps
 * @release: called when the resource is released in its turn, after all steps
 * @name: for traces and warnings; a string constant
 *
 * Add it with resmgr_early_add().
 *
 * Context: Any context.
 */
void resmgr_early_init(struct resmgr_early *early,
		       void (*step)(struct resmgr_early *early, unsigned int step),
		       unsigned int steps, resmgr_release_t release,
		       const char *name)
{
	resmgr_node_setup(&early->node, RESMGR_EARLY, (void *)release, name, 0);
	early->step = step;
	early->steps = steps;
	early->next = 0;
	early->busy = NULL;
}
EXPORT_SYMBOL_GPL(resmgr_early_init);

/*
 * Like resmgr_node_add(). @mgr->early is set under the same lock: a release
 * that found the resource with @early unset would assume that its steps are
 * done.
 */
static int resmgr_early_link(struct resmgr *mgr, struct resmgr_node *node)
{
	unsigned long flags, by;
	int ret;

	by = resmgr_caller_if_wanted();
	spin_lock_irqsave(&mgr->lock, flags);
	ret = resmgr_add_locked(mgr, node, by);
	if (!ret)
		mgr->early = true;
	spin_unlock_irqrestore(&mgr->lock, flags);

	return unlikely(ret) ? resmgr_warn_add(mgr, node, ret) : 0;
}

/**
 * resmgr_early_add() - add an early resource
 * @mgr: manager
 * @early: the early resource; on no manager
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: as resmgr_node_add().
 */
int resmgr_early_add(struct resmgr *mgr, struct resmgr_early *early)
{
	return resmgr_early_link(mgr, &early->node);
}
EXPORT_SYMBOL_GPL(resmgr_early_add);

/**
 * __resmgr_add_early_action() - add an early action with a given name
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 * @name: for traces: a string constant
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM; -ESHUTDOWN with a WARN after the final release.
 */
int __resmgr_add_early_action(struct resmgr *mgr, resmgr_action_t action,
			      void *data, const char *name)
{
	struct resmgr_action *new = kmalloc_obj(*new, GFP_KERNEL);
	int ret;

	if (!new)
		return -ENOMEM;
	resmgr_node_setup(&new->node, RESMGR_EARLY_ACTION, (void *)action, name, 0);
	new->data = data;
	ret = resmgr_early_link(mgr, &new->node);
	if (unlikely(ret))
		kfree(new);
	return ret;
}
EXPORT_SYMBOL_GPL(__resmgr_add_early_action);

static struct resmgr_early *resmgr_to_early(struct resmgr_node *node)
{
	return container_of(node, struct resmgr_early, node);
}

static bool resmgr_is_busy(const struct resmgr_early *early)
{
	return early->busy && early->busy->task != current;
}

/*
 * Returns true if a step below @count is running in another task. The steps of a
 * resource that are running are nested, and the outermost was begun first.
 */
static bool resmgr_is_busy_below(const struct resmgr_early *early, unsigned int count)
{
	const struct resmgr_step *step = early->busy;

	if (!resmgr_is_busy(early))
		return false;
	while (step->outer)
		step = step->outer;
	return step->nr < count;
}

/* Wait until some task ends a step. Drops the lock meanwhile. */
static void resmgr_wait_step(struct resmgr *mgr, unsigned long *flags)
	__releases(&mgr->lock) __acquires(&mgr->lock)
{
	/* Read under the lock: the step that was found is not over yet. */
	int over = atomic_read(&resmgr_steps_over);

	lockdep_assert_held(&mgr->lock);

	spin_unlock_irqrestore(&mgr->lock, *flags);
	wait_event(resmgr_step_over, atomic_read(&resmgr_steps_over) != over);
	spin_lock_irqsave(&mgr->lock, *flags);
}

/*
 * Returns true, after a wait with the lock dropped, if @node is in the middle of
 * a step or an early action of another task: it must stay on the list.
 */
bool resmgr_wait_if_busy(struct resmgr *mgr, struct resmgr_node *node, unsigned long *flags)
{
	lockdep_assert_held(&mgr->lock);

	if (node->kind != RESMGR_EARLY || !resmgr_is_busy(resmgr_to_early(node)))
		return false;
	resmgr_wait_step(mgr, flags);
	return true;
}

static void resmgr_end_step(struct resmgr *mgr)
{
	lockdep_assert_held(&mgr->lock);

	atomic_inc(&resmgr_steps_over);
	wake_up_all(&resmgr_step_over);
}

/*
 * Run the next step. Drops the lock meanwhile. Returns false if the resource is
 * gone.
 */
static bool resmgr_do_step(struct resmgr *mgr, struct resmgr_early *early,
			   unsigned long *flags)
{
	struct resmgr_step step = {
		.task = current, .outer = early->busy, .nr = early->next++,
	};

	lockdep_assert_held(&mgr->lock);

	early->busy = &step;
	spin_unlock_irqrestore(&mgr->lock, *flags);

	early->step(early, step.nr);

	spin_lock_irqsave(&mgr->lock, *flags);
	if (!step.gone)
		early->busy = step.outer;
	resmgr_end_step(mgr);
	return !step.gone;
}

/*
 * An early resource was taken off and is about to be released. If one of its
 * steps is running, that step is what releases it: everybody else has waited.
 * resmgr_early_finish() still looks at it, if its caller keeps the memory.
 */
void resmgr_early_gone(struct resmgr *mgr, struct resmgr_node *node)
{
	struct resmgr_early *early = resmgr_to_early(node);
	struct resmgr_step *step;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	for (step = early->busy; step; step = step->outer)
		step->gone = true;
	early->busy = NULL;
	spin_unlock_irqrestore(&mgr->lock, flags);
}

static void resmgr_place_gone(struct resmgr *mgr, struct resmgr_node *node)
{
}

/*
 * Run an early action. It is taken off the list first, so that nobody finds it.
 * A placeholder that is busy as in a step takes its place, so that others wait
 * for its end.
 */
static void resmgr_do_action(struct resmgr *mgr, struct resmgr_node **link,
			     unsigned long *flags)
{
	struct resmgr_step step = { .task = current };
	struct resmgr_node *action = *link;
	struct resmgr_early place = { .node = *action, .busy = &step };

	lockdep_assert_held(&mgr->lock);

	resmgr_event(mgr, action, RESMGR_OP_RELEASE);
	place.node.kind = RESMGR_EARLY;
	place.node.fn = resmgr_place_gone;
	WRITE_ONCE(*link, &place.node);
	action->older = NULL;
	spin_unlock_irqrestore(&mgr->lock, *flags);

	resmgr_release_node(mgr, action);

	spin_lock_irqsave(&mgr->lock, *flags);
	if (!step.gone)
		resmgr_unlink(mgr, resmgr_find_link(mgr, &place.node));
	resmgr_end_step(mgr);
}

/* Progress of an early resource. Early actions come when no step is left. */
static unsigned int resmgr_early_rank(struct resmgr_node *node)
{
	struct resmgr_early *early = resmgr_to_early(node);

	if (node->kind == RESMGR_EARLY_ACTION)
		return UINT_MAX - 1;
	return early->next < early->steps ? early->next : UINT_MAX;
}

/*
 * Returns the progress of those that are furthest behind, UINT_MAX if all are
 * done. Sets @busy if there is one to wait for first, and @inside if this task
 * is inside a step of one.
 */
static unsigned int resmgr_lowest_rank(struct resmgr *mgr,
				       struct resmgr_node *node,
				       const struct resmgr_node *end, bool *busy,
				       bool *inside)
{
	unsigned int lowest = UINT_MAX;

	lockdep_assert_held(&mgr->lock);

	*busy = false;
	*inside = false;
	for (; resmgr_is_node(node) && node != end; node = node->older) {
		if (likely(!resmgr_is_early(node)))
			continue;
		if (node->kind == RESMGR_EARLY && resmgr_is_busy(resmgr_to_early(node)))
			*busy = true;
		else if (node->kind == RESMGR_EARLY && resmgr_to_early(node)->busy)
			*inside = true;
		lowest = min(lowest, resmgr_early_rank(node));
	}
	return lowest;
}

/*
 * Returns true if resmgr_run_early() has something to do, or to wait for, before
 * an early resource of @grp, or of @mgr for %NULL, is released. After steps that
 * do not end @mgr->early is unset, and there is nothing.
 */
bool resmgr_early_is_due(struct resmgr *mgr, struct resmgr_group *grp)
{
	struct resmgr_node **link, *end = RESMGR_LAST;
	bool busy, inside;

	lockdep_assert_held(&mgr->lock);

	if (!mgr->early)
		return false;
	link = grp ? resmgr_group_range(mgr, grp, &end) : &mgr->newest;
	return resmgr_lowest_rank(mgr, *link, end, &busy, &inside) != UINT_MAX || busy;
}

/*
 * Run the next step, or action, of those with this rank, newest first, for as
 * long as the position in the list is valid: if a resource is still there after
 * its step, the older ones follow it. Returns how many actions were run.
 */
static int resmgr_run_rank(struct resmgr *mgr, struct resmgr_group *grp,
			   struct resmgr_node **link, const struct resmgr_node *end,
			   unsigned int rank, unsigned long *flags)
{
	struct resmgr_node *node;

	lockdep_assert_held(&mgr->lock);

	for (; resmgr_is_node(*link) && *link != end; link = &node->older) {
		node = *link;
		if (likely(!resmgr_is_early(node)) || resmgr_early_rank(node) != rank)
			continue;
		if (node->kind == RESMGR_EARLY_ACTION) {
			resmgr_do_action(mgr, link, flags);
			return 1;
		}
		if (resmgr_is_busy(resmgr_to_early(node)) ||
		    !resmgr_do_step(mgr, resmgr_to_early(node), flags) ||
		    !resmgr_is_linked(node) || (grp && !resmgr_group_is_there(grp)))
			break;
	}
	return 0;
}

/*
 * Run what is early among the resources of @grp, or of @mgr for %NULL. The
 * caller holds the lock of @mgr, with @flags; it is dropped meanwhile. Returns
 * how many actions were run.
 */
int resmgr_run_early(struct resmgr *mgr, struct resmgr_group *grp,
		     unsigned long *flags)
{
	struct resmgr_node **link, *end = RESMGR_LAST;
	int count = 0, limit = RESMGR_CHAIN_MAX;
	unsigned int rank;
	bool busy, inside;

	lockdep_assert_held(&mgr->lock);

	while (mgr->early) {
		link = grp ? resmgr_group_range(mgr, grp, &end) : &mgr->newest;
		rank = resmgr_lowest_rank(mgr, *link, end, &busy, &inside);
		if (busy) {
			resmgr_wait_step(mgr, flags);
			continue;
		}
		if (rank == UINT_MAX) {
			/*
			 * There may be others outside the group. And a step
			 * that this is called from is not over: other tasks
			 * have to go on waiting for it.
			 */
			if (!grp && !inside)
				mgr->early = false;
			break;
		}
		/* As in every release, see resmgr_is_endless(). */
		if (unlikely(count >= limit) &&
		    resmgr_is_endless(mgr, count, &limit)) {
			/* What is added during the report is early again. */
			if (!grp)
				mgr->early = false;
			resmgr_report_endless(mgr, *link, "is not called early", flags);
			break;
		}
		count += resmgr_run_rank(mgr, grp, link, end, rank, flags);
	}
	return count;
}

/**
 * resmgr_release_early() - run all early steps and early actions
 * @mgr: manager
 *
 * Runs all steps of all early resources, then the early actions, which are
 * thereby released. Everything else stays. A release of everything, or of a
 * group, starts with this.
 *
 * Context: Process context, sleeps if a step or an action does. Takes and
 * releases the lock of @mgr once per step and action.
 * Return: number of early actions that were run.
 */
int resmgr_release_early(struct resmgr *mgr)
{
	unsigned long flags;
	int count;

	/* Idle owners skip the lock. */
	if (resmgr_empty(mgr))
		return 0;
	spin_lock_irqsave(&mgr->lock, flags);
	count = resmgr_run_early(mgr, NULL, &flags);
	spin_unlock_irqrestore(&mgr->lock, flags);
	return count;
}
EXPORT_SYMBOL_GPL(resmgr_release_early);

static void resmgr_do_advance(struct resmgr *mgr, struct resmgr_early *early,
			      unsigned int count, bool wait)
{
	unsigned long flags;
	bool there = true;

	spin_lock_irqsave(&mgr->lock, flags);
	while (there) {
		if (resmgr_is_busy_below(early, count)) {
			if (!wait)
				break;
			resmgr_wait_step(mgr, &flags);
		} else if (early->next < min(early->steps, count)) {
			there = resmgr_do_step(mgr, early, &flags);
		} else {
			break;
		}
	}
	spin_unlock_irqrestore(&mgr->lock, flags);
}

/**
 * resmgr_early_advance() - run steps of one early resource now
 * @mgr: manager
 * @early: the early resource, which stays on the list. The caller keeps it
 *	there
 * @count: until this many are done; waits for those of them that another task
 *	is running, but for no later one
 *
 * @early need not be on @mgr, if all calls for it name this manager.
 *
 * Context: Process context, sleeps if a step does. Takes and releases the lock
 * of @mgr once per step.
 */
void resmgr_early_advance(struct resmgr *mgr, struct resmgr_early *early,
			  unsigned int count)
{
	resmgr_do_advance(mgr, early, count, true);
}
EXPORT_SYMBOL_GPL(resmgr_early_advance);

/**
 * resmgr_early_try_finish() - run the remaining steps, or leave them to others
 * @mgr: manager
 * @early: the early resource, as for resmgr_early_advance()
 *
 * For a task that a step may be waiting for: if another task is running the
 * steps, that one also runs the remaining ones, and this returns at once.
 *
 * Context: As resmgr_early_advance().
 */
void resmgr_early_try_finish(struct resmgr *mgr, struct resmgr_early *early)
{
	resmgr_do_advance(mgr, early, UINT_MAX, false);
}
EXPORT_SYMBOL_GPL(resmgr_early_try_finish);

/**
 * resmgr_early_finish() - run the remaining steps of one early resource now
 * @mgr: manager
 * @early: the early resource, which stays on the list. The caller keeps it
 *	there
 *
 * Context: As resmgr_early_advance().
 */
void resmgr_early_finish(struct resmgr *mgr, struct resmgr_early *early)
{
	resmgr_early_advance(mgr, early, UINT_MAX);
}
EXPORT_SYMBOL_GPL(resmgr_early_finish);
