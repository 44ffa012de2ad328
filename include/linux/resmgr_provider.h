/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Provider: an object that others call into, and whose driver may go meanwhile
 */

/**
 * DOC: provider
 *
 * For the core of a subsystem whose drivers provide something to other drivers:
 * a regulator, a chip with GPIOs, a clock. A consumer has a handle, and keeps
 * it for as long as it likes. The driver of the provider may be unbound
 * meanwhile::
 *
 *	struct foo_dev {
 *		struct resmgr_provider	provider;
 *		const struct foo_ops	*ops;
 *	};
 *
 * A call into the driver is made inside the provider, where the driver is bound
 * and its data is valid::
 *
 *	struct foo_chip *chip;
 *	int ret = -ENODEV;
 *
 *	resmgr_provider_scoped_enter(&foo->provider, chip)
 *		ret = foo->ops->set(chip, value);
 *
 * At unbind, before ->remove(), new calls are refused, consumers are notified,
 * and calls inside finish. The memory of the provider stays until the last
 * handle is dropped.
 *
 * It is not a lock. Calls run concurrently, as without it.
 */
#ifndef _LINUX_RESMGR_PROVIDER_H
#define _LINUX_RESMGR_PROVIDER_H

#include <linux/cleanup.h>
#include <linux/resmgr.h>
#include <linux/resmgr_gate.h>

struct device;
struct resmgr_provider;

/**
 * struct resmgr_provider_ops - callbacks of a subsystem's core for a provider
 * @gone: optional; called once, after new calls are refused and before those
 *	inside are waited for: wakes sleepers inside, and notifies the
 *	consumers. May sleep
 * @free: after the last reference: call resmgr_provider_destroy() and free the
 *	memory of the provider, or drop what keeps it. May sleep
 */
struct resmgr_provider_ops {
	void (*gone)(struct resmgr_provider *provider);
	void (*free)(struct resmgr_provider *provider);
};

/**
 * struct resmgr_provider - something that consumers hold and call into
 * @object: the reference count and the resources of the provider itself, which
 *	are released with the last reference
 * @gate: counts the calls inside
 * @priv: the driver's data. Constant; only available inside
 * @ops: callbacks of the core. Constant
 * @name: for the log and the lists. Constant
 */
struct resmgr_provider {
	struct resmgr_object			object;
	struct resmgr_gate			gate;
	void					*priv;
	const struct resmgr_provider_ops	*ops;
	const char				*name;
};

int __must_check __resmgr_provider_init(struct resmgr_provider *provider, void *priv,
					const struct resmgr_provider_ops *ops,
					const char *name, const char *lock_name,
					struct lock_class_key keys[2]);

/**
 * resmgr_provider_init() - initialise a provider
 * @provider: the provider, in memory that @ops->free frees
 * @priv: the driver's data, not %NULL; needed until resmgr_provider_withdraw()
 *	has returned
 * @ops: callbacks of the core
 * @name: name of the provider. Not copied: needed until @ops->free is called
 *
 * The caller has the first reference, and calls may come from now on. It lets
 * consumers find the provider when that is ready.
 *
 * Each place that calls this gets lock classes of its own for lockdep.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM, or -EINVAL with a WARN without @priv. On an error the
 * caller keeps the memory, and there is nothing to undo.
 */
#define resmgr_provider_init(provider, priv, ops, name)			\
({									\
	static struct lock_class_key __resmgr_provider_keys[2];		\
									\
	__resmgr_provider_init(provider, priv, ops, name, #provider,	\
			       __resmgr_provider_keys);			\
})

void resmgr_provider_destroy(struct resmgr_provider *provider);
void resmgr_provider_withdraw(struct resmgr_provider *provider);
int __must_check devm_resmgr_provider_register(struct device *dev,
					       struct resmgr_provider *provider);

bool __must_check resmgr_provider_get(struct resmgr_provider *provider,
				      struct resmgr_holder *holder,
				      const struct resmgr *by);
void resmgr_provider_put(struct resmgr_provider *provider,
			 struct resmgr_holder *holder);
int __must_check resmgr_provider_hold(struct resmgr *consumer,
				      struct resmgr_provider *provider);

/**
 * resmgr_provider_is_withdrawn() - test whether a provider is or will be gone
 * @provider: provider on which the caller has a reference
 *
 * Context: Any context.
 * Return: true once the withdrawal has begun. Outside the provider it is a hint,
 * as false may be stale at once; see resmgr_gate_is_revoked().
 */
static inline bool resmgr_provider_is_withdrawn(const struct resmgr_provider *provider)
{
	return resmgr_gate_is_revoked(&provider->gate);
}

/**
 * resmgr_provider_enter() - begin a call into the driver
 * @provider: provider on which the caller has a reference
 *
 * Calls nest, but a nested call is refused as soon as the provider goes, while
 * the outer one continues; see resmgr_gate_enter().
 *
 * May be called with spinlocks held and from interrupts. It never waits. The
 * task that unbinds the driver waits for the calls inside, and sleeps: so it
 * does not matter what a call has interrupted, or which spinlocks it holds. Not
 * from NMI, and not where instrumentation or RCU is off (noinstr, the idle
 * loop).
 *
 * Context: Any context but NMI.
 * Return: the driver's data, which is valid until resmgr_provider_exit(); %NULL
 * if the provider is gone.
 */
static __always_inline void * __must_check
resmgr_provider_enter(struct resmgr_provider *provider)
{
	/*
	 * @priv is written before anybody can have a reference, and never
	 *	again. Its target is freed after the drain, which comes after
	 *	the exit of each call for which this returned true.
	 */
	return resmgr_gate_enter(&provider->gate) ? provider->priv : NULL;
}

/**
 * resmgr_provider_exit() - end a call into the driver
 * @provider: provider whose resmgr_provider_enter() succeeded
 *
 * Context: Any context but NMI. The driver's data may be freed at any time
 * after this.
 */
static __always_inline void resmgr_provider_exit(struct resmgr_provider *provider)
{
	resmgr_gate_exit(&provider->gate);
}

/*
 * For a function that is one call into the driver from here to its end:
 *
 *	CLASS(resmgr_provider_call, call)(&foo->provider);
 *	if (!call)
 *		return -ENODEV;
 */
DEFINE_CLASS(resmgr_provider_call, struct resmgr_provider *, if (_T) resmgr_provider_exit(_T),
	     resmgr_provider_enter(provider) ? provider : NULL,
	     struct resmgr_provider *provider)

/**
 * resmgr_provider_scoped_enter() - run the statement that follows as a call
 * @_provider: provider on which the caller has a reference
 * @_priv: variable that is set to the driver's data. Must not be used after the
 *	statement
 *
 * The statement is skipped if the provider is gone. Leaving it by return, break
 * or goto ends the call.
 *
 * Context: As resmgr_provider_enter().
 */
#define resmgr_provider_scoped_enter(_provider, _priv)				\
	for (CLASS(resmgr_provider_call, __call)(_provider), *__left = NULL;	\
	     __call && !__left && ((_priv) = __call->priv, true);		\
	     __left = (void *)1)

#endif /* _LINUX_RESMGR_PROVIDER_H */
