// SPDX-License-Identifier: GPL-2.0
/*
 * Provider: an object that others call into, and whose driver may go meanwhile
 *
 * Two lifetimes are in one struct. The memory is a &struct resmgr_object: it
 * stays until the last handle is dropped. The driver is behind a &struct
 * resmgr_gate: it stays until it is unbound. Everything else follows from the
 * order of three steps in resmgr_provider_withdraw():
 *
 * 1. The gate is revoked. Calls that begin afterwards are refused.
 * 2. ->gone() is called. A call that sleeps inside and is woken by it must see
 *   that the provider is gone, or it would sleep again: hence after 1. It must
 *   be woken before it is waited for: hence before 3.
 * 3. The gate is drained. The caller then sees everything that the calls inside
 *   have done. So the driver's data can be freed: it was used for the last
 *   time.
 *
 * The driver's data is only reached through resmgr_provider_enter(), so nothing
 * reaches it after 3. No lock is needed, since nothing is written. In
 * particular the pointer is not cleared, from which readers would have to be
 * protected.
 *
 * This is done before ->remove(), while the driver still works. A call inside
 * uses registers, clocks, and interrupts to wait for; ->remove() turns them
 * off, and devm the rest after it. So devm_resmgr_provider_register() withdraws
 * in an unpublish action, not in a devm action.
 *
 * No lock of this file is held while waiting: there is none.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/resmgr_provider.h>

#include "internal.h"

/* As cdevm does for a scope. A wait for hardware has ended by then. */
#define RESMGR_PROVIDER_REPORT_AFTER	(10 * HZ)

static struct resmgr_provider *resmgr_to_provider(const struct resmgr *mgr)
{
	return container_of(mgr, struct resmgr_provider, object.mgr);
}

static const char *resmgr_provider_name(const struct resmgr *mgr)
{
	return resmgr_to_provider(mgr)->name;
}

static void resmgr_provider_free(struct resmgr *mgr)
{
	struct resmgr_provider *provider = resmgr_to_provider(mgr);

	provider->ops->free(provider);
}

static const struct resmgr_class resmgr_provider_class = {
	.name		= "provider",
	.owner_name	= resmgr_provider_name,
	.free		= resmgr_provider_free,
};

/* Whoever finds it after the last put is refused, also if it was not withdrawn. */
static void resmgr_provider_close(void *gate)
{
	resmgr_gate_revoke(gate);
}

/**
 * __resmgr_provider_init() - initialise a provider with given lock classes
 * @provider: the provider
 * @priv: the driver's data
 * @ops: callbacks of the core
 * @name: name of the provider
 * @lock_name: of the lock classes
 * @keys: of the lock classes of the gate and of the manager
 *
 * Context: Process context, may sleep.
 * Return: as resmgr_provider_init().
 */
int __resmgr_provider_init(struct resmgr_provider *provider, void *priv,
			   const struct resmgr_provider_ops *ops,
			   const char *name, const char *lock_name,
			   struct lock_class_key keys[2])
{
	int ret;

	/* It would look like a provider that is gone, except to the drain. */
	if (WARN(!priv, "resmgr: provider %s has no data of a driver\n", name))
		return -EINVAL;

	ret = __resmgr_gate_init(&provider->gate, lock_name, &keys[0]);
	if (ret)
		return ret;
	provider->priv = priv;
	provider->ops = ops;
	provider->name = name;
	__resmgr_object_init(&provider->object, &resmgr_provider_class, lock_name,
			     &keys[1]);
	/* The first resource, so it is released last. */
	ret = resmgr_add_action(&provider->object.mgr, resmgr_provider_close,
				&provider->gate);
	if (ret)
		resmgr_gate_destroy(&provider->gate);
	return ret;
}
EXPORT_SYMBOL_GPL(__resmgr_provider_init);

/**
 * resmgr_provider_destroy() - free what the provider has allocated
 * @provider: a provider without references, whose memory goes now; or zeroed
 *	memory that never became one
 *
 * Not at the last put, if others still find the provider and enter it, only to
 * be refused: the gate that refuses them is part of what is freed here.
 *
 * Context: Any context.
 */
void resmgr_provider_destroy(struct resmgr_provider *provider)
{
	resmgr_gate_destroy(&provider->gate);
}
EXPORT_SYMBOL_GPL(resmgr_provider_destroy);

/**
 * resmgr_provider_withdraw() - end calls into the driver
 * @provider: provider on which the caller has a reference
 *
 * Refuses new calls, notifies the consumers through &resmgr_provider_ops.gone,
 * and waits for the calls inside. For cores that register without devm: call it
 * first when the driver unregisters. It may be called again, and then waits as
 * well.
 *
 * A call that stays inside for ten seconds is reported in the log.
 *
 * Context: Process context, sleeps. Not from inside a call of this provider,
 * nor while holding a lock that calls or &resmgr_provider_ops.gone take:
 * lockdep reports it.
 */
void resmgr_provider_withdraw(struct resmgr_provider *provider)
{
	unsigned int seconds = 0;

	/* The first caller notifies; all wait. */
	if (resmgr_gate_revoke(&provider->gate) && provider->ops->gone)
		provider->ops->gone(provider);

	while (!resmgr_gate_drain(&provider->gate, RESMGR_PROVIDER_REPORT_AFTER)) {
		seconds += RESMGR_PROVIDER_REPORT_AFTER / HZ;
		pr_warn("resmgr: provider %s: its driver waits since %u s to be unbound; %u calls are inside\n",
			provider->name, seconds, resmgr_gate_calls(&provider->gate));
	}
}
EXPORT_SYMBOL_GPL(resmgr_provider_withdraw);

static void resmgr_provider_unpublish(void *provider)
{
	resmgr_provider_withdraw(provider);
}

static void resmgr_provider_drop(void *provider)
{
	resmgr_object_put(&((struct resmgr_provider *)provider)->object);
}

/**
 * devm_resmgr_provider_register() - withdraw a provider at unbind
 * @dev: device whose driver provides it, being probed
 * @provider: the provider; @dev takes over the reference from
 *	resmgr_provider_init()
 *
 * resmgr_provider_withdraw() is called before ->remove(), or when the probe
 * fails, before anything is undone. The reference is dropped in its turn in the
 * reverse order of devm, so ->remove() can still use the provider.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM, -ENODEV if @dev was never registered. On an error the
 * provider is withdrawn, and the reference was dropped.
 */
int devm_resmgr_provider_register(struct device *dev, struct resmgr_provider *provider)
{
	int ret;

	ret = devm_add_action(dev, resmgr_provider_drop, provider);
	if (ret) {
		resmgr_provider_withdraw(provider);
		resmgr_provider_drop(provider);
		return ret;
	}
	ret = devm_add_unpublish_action(dev, resmgr_provider_unpublish, provider);
	if (ret) {
		resmgr_provider_withdraw(provider);
		devm_release_action(dev, resmgr_provider_drop, provider);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(devm_resmgr_provider_register);

/**
 * resmgr_provider_get() - take a reference for a handle
 * @provider: provider that stays meanwhile, by a reference or by the lock of
 *	the core under which it was found
 * @holder: in the handle, for resmgr_provider_put(). Has no size without
 *	%CONFIG_RESMGR_DEBUG
 * @by: manager of the consumer, such as &device.devres, or %NULL. Only used by
 *	RESMGR_DEBUG
 *
 * Context: Any context but NMI.
 * Return: true; false if the provider is gone, so that a search for a new
 * provider does not return the old one.
 */
bool resmgr_provider_get(struct resmgr_provider *provider,
			 struct resmgr_holder *holder, const struct resmgr *by)
{
	if (resmgr_provider_is_withdrawn(provider))
		return false;
	resmgr_object_get(&provider->object);
	resmgr_holder_add(holder, by, &provider->object.mgr);
	return true;
}
EXPORT_SYMBOL_GPL(resmgr_provider_get);

/**
 * resmgr_provider_put() - drop the reference of a handle
 * @provider: the provider
 * @holder: holder of the same handle, as given to resmgr_provider_get()
 *
 * Context: Process context. The last call releases the resources and the memory
 * of the provider, and may then sleep.
 */
void resmgr_provider_put(struct resmgr_provider *provider, struct resmgr_holder *holder)
{
	resmgr_holder_del(holder);
	resmgr_object_put(&provider->object);
}
EXPORT_SYMBOL_GPL(resmgr_provider_put);

/**
 * resmgr_provider_hold() - hold a provider until a consumer's release
 * @consumer: manager of the consumer: of a device, of another object
 * @provider: as for resmgr_provider_get()
 *
 * There is no put: the reference is a resource of @consumer.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENODEV if the provider is gone; otherwise as resmgr_hold().
 */
int resmgr_provider_hold(struct resmgr *consumer, struct resmgr_provider *provider)
{
	if (resmgr_provider_is_withdrawn(provider))
		return -ENODEV;
	return resmgr_hold(consumer, &provider->object);
}
EXPORT_SYMBOL_GPL(resmgr_provider_hold);
