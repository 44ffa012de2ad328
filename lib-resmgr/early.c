// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: what is done before any resource is released
 *
 * What lets others reach an owner has to be taken back while all that they may
 * use is there. The order of the list does not give that: what was added last,
 * and so is released first, may be what they use. Hence there are early nodes.
 * They are on the same list as all others, so they belong to the groups that the
 * others belong to, and a left-over one is seen as a left-over resource is.
 *
 * A step is taken for all early nodes before the next step is for any. No step
 * is ever taken twice: whoever takes it counts it first, under the lock. As in
 * every release the list is whole while a step runs, and no position in it is
 * kept meanwhile.
 */
#include <linux/export.h>
#include <linux/limits.h>

#include "internal.h"

/**
 * resmgr_early_init() - prepare an early node
 * @early: the node, embedded in a struct of yours
 * @step: do one step; called with the numbers from 0 on, each once
 * @steps: how many steps there are
 * @release: called when it is the turn of the node in the list, after all steps
 * @name: for traces and warnings: a string constant
 *
 * To be added with resmgr_early_add().
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
}
EXPORT_SYMBOL_GPL(resmgr_early_init);

/* A node that is early is on @mgr. Not in resmgr_link(), for all others' sake. */
static int resmgr_early_added(struct resmgr *mgr, int ret)
{
	unsigned long flags;

	if (ret)
		return ret;
	spin_lock_irqsave(&mgr->lock, flags);
	mgr->early = true;
	spin_unlock_irqrestore(&mgr->lock, flags);
	return 0;
}

/**
 * resmgr_early_add() - add an early node
 * @mgr: manager
 * @early: the node; on no manager
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: as resmgr_node_add().
 */
int resmgr_early_add(struct resmgr *mgr, struct resmgr_early *early)
{
	return resmgr_early_added(mgr, resmgr_node_add(mgr, &early->node));
}
EXPORT_SYMBOL_GPL(resmgr_early_add);

/**
 * __resmgr_add_early_action() - what resmgr_add_early_action() does, with a name
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
	return resmgr_early_added(mgr, resmgr_add_pointer(mgr, RESMGR_EARLY_ACTION,
							  (void *)action, data,
							  name, 0));
}
EXPORT_SYMBOL_GPL(__resmgr_add_early_action);

static struct resmgr_early *resmgr_to_early(struct resmgr_node *node)
{
	return container_of(node, struct resmgr_early, node);
}

/* How far is an early node? Actions come when no step is left. */
static unsigned int resmgr_early_rank(struct resmgr_node *node)
{
	struct resmgr_early *early = resmgr_to_early(node);

	if (node->kind == RESMGR_EARLY_ACTION)
		return UINT_MAX - 1;
	return early->next < early->steps ? early->next : UINT_MAX;
}

/* The newest of those that are furthest behind; %NULL when all is done. */
static struct resmgr_node **resmgr_next_early(struct resmgr *mgr,
					      struct resmgr_node **link,
					      const struct resmgr_node *end)
{
	struct resmgr_node **found = NULL;
	unsigned int lowest = UINT_MAX;

	lockdep_assert_held(&mgr->lock);

	for (; resmgr_is_node(*link) && *link != end && lowest;
	     link = &(*link)->older) {
		unsigned int rank;

		if (likely(!resmgr_is_early(*link)))
			continue;
		rank = resmgr_early_rank(*link);
		if (rank >= lowest)
			continue;
		lowest = rank;
		found = link;
	}
	return found;
}

/*
 * Do what comes early of the resources of @grp, of all for %NULL. The caller holds
 * the lock of @mgr, with @flags; it is dropped meanwhile. Returns how many actions
 * were run.
 */
int resmgr_run_early(struct resmgr *mgr, struct resmgr_group *grp,
		     unsigned long *flags)
{
	struct resmgr_node **link, *node, *end = RESMGR_LAST;
	struct resmgr_early *early;
	unsigned int step;
	int count = 0;

	lockdep_assert_held(&mgr->lock);

	while (mgr->early) {
		link = grp ? resmgr_group_range(mgr, grp, &end) : &mgr->newest;
		link = resmgr_next_early(mgr, link, end);
		if (!link) {
			/* There may be others outside of the group. */
			if (!grp)
				mgr->early = false;
			break;
		}
		node = *link;
		if (node->kind == RESMGR_EARLY_ACTION) {
			resmgr_unlink(mgr, link);
			resmgr_event(mgr, node, RESMGR_OP_RELEASE);
			spin_unlock_irqrestore(&mgr->lock, *flags);
			resmgr_release_node(mgr, node);
			count++;
		} else {
			early = resmgr_to_early(node);
			step = early->next++;
			spin_unlock_irqrestore(&mgr->lock, *flags);
			early->step(early, step);
		}
		spin_lock_irqsave(&mgr->lock, *flags);
	}
	return count;
}

/**
 * resmgr_release_early() - do what comes before the resources are released
 * @mgr: manager
 *
 * All steps of all early nodes, and the early actions, which are released by it.
 * Everything else stays. A release of everything, and one of a group, does this
 * first by itself.
 *
 * Context: Process context, sleeps if a step or an action does. Takes and
 * releases the lock of @mgr once per step and action.
 * Return: number of early actions that were run.
 */
int resmgr_release_early(struct resmgr *mgr)
{
	unsigned long flags;
	int count;

	/* Spares idle owners the lock. */
	if (resmgr_empty(mgr))
		return 0;
	spin_lock_irqsave(&mgr->lock, flags);
	count = resmgr_run_early(mgr, NULL, &flags);
	spin_unlock_irqrestore(&mgr->lock, flags);
	return count;
}
EXPORT_SYMBOL_GPL(resmgr_release_early);

/**
 * resmgr_early_finish() - do the steps that are left of one early node, now
 * @mgr: manager
 * @early: the node, which stays where it is
 *
 * Context: Process context, sleeps if a step does. Takes and releases the lock of
 * @mgr once per step.
 */
void resmgr_early_finish(struct resmgr *mgr, struct resmgr_early *early)
{
	unsigned long flags;
	unsigned int step;

	for (;;) {
		spin_lock_irqsave(&mgr->lock, flags);
		step = early->next;
		if (step < early->steps)
			early->next++;
		spin_unlock_irqrestore(&mgr->lock, flags);
		if (step >= early->steps)
			break;
		early->step(early, step);
	}
}
EXPORT_SYMBOL_GPL(resmgr_early_finish);
