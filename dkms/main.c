// SPDX-License-Identifier: GPL-2.0
/* cdevm as a module: load and unload */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "cdevm/bound.h"
#include "debug/debugfs.h"
#include "internal.h"

struct workqueue_struct *cdevm_wq;

/*
 * For the lists in debugfs. The warnings about objects in devm memory need the
 * resources of the devices, which a module does not see.
 */
void resmgr_debug_add(struct resmgr *mgr, struct resmgr_node *node,
		      unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	node->added = ktime_get_mono_fast_ns();
	node->caller = by;
	if (!mgr->count++)
		resmgr_live_join(mgr);
}

void resmgr_debug_del(struct resmgr *mgr, struct resmgr_node *node)
{
	lockdep_assert_held(&mgr->lock);

	if (!--mgr->count)
		resmgr_live_leave(mgr);
}

static int cdevm_bus_gone(struct notifier_block *nb, unsigned long state, void *mod)
{
	if (state == MODULE_STATE_GOING)
		cdevm_bound_forget(mod);
	return NOTIFY_DONE;
}

static struct notifier_block cdevm_bus_nb = {
	.notifier_call = cdevm_bus_gone,
};

static int __init cdevm_module_init(void)
{
	int ret;

	cdevm_wq = alloc_workqueue("cdevm", WQ_UNBOUND, 0);
	if (!cdevm_wq)
		return -ENOMEM;
	ret = register_module_notifier(&cdevm_bus_nb);
	if (ret)
		goto err_wq;
	ret = cdevm_initcall_cdevm_init();
	if (ret)
		goto err_bus;
	/* These two do not fail. */
	cdevm_initcall_cdevm_poll_init();
	cdevm_initcall_resmgr_debugfs_init();
	return 0;

err_bus:
	unregister_module_notifier(&cdevm_bus_nb);
err_wq:
	destroy_workqueue(cdevm_wq);
	return ret;
}
module_init(cdevm_module_init);

/*
 * No driver uses this any more, so there are no scopes: the removal of each
 * driver has waited for its own.
 */
static void __exit cdevm_module_exit(void)
{
	cdevm_exitcall_resmgr_debugfs_exit();
	cdevm_exitcall_cdevm_unload();
	unregister_module_notifier(&cdevm_bus_nb);
	cdevm_bound_exit();
	destroy_workqueue(cdevm_wq);
	/*
	 * The task that dropped the last scope or file may still be on its way
	 * out.
	 */
	synchronize_rcu_tasks();
}
module_exit(cdevm_module_exit);

MODULE_DESCRIPTION("Resources that live until the last close of a character device");
MODULE_LICENSE("GPL");
