// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: check, rules that a good trace keeps
 *
 * An error is what is wrong by what the trace shows. A warning is what is wrong
 * in most drivers, and right in some: the trace alone cannot tell.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "trace.h"

static struct {
	const struct trace	*trace;
	const struct options	*options;
	const char		*rule;
	unsigned int		errors, warnings;
} state;

static void __attribute__((format(printf, 4, 5)))
found(bool error, const struct event *e, const char *owner, const char *fmt, ...)
{
	va_list args;

	if (error)
		state.errors++;
	else
		state.warnings++;
	printf("%s%s%s: %s: %s: %s: ", on(error ? RED : YELLOW),
	       error ? "error" : "warning", off(), state.rule,
	       show_time(e->time), owner);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static const struct event *last_event(const struct trace *t)
{
	return &t->events[t->n - 1];
}

static uint64_t since(const struct trace *t, size_t i)
{
	return last_event(t)->time - t->events[i].time;
}

/* --- order: what was added last goes first */

/* The newest resource that is there before event @i, those of the sweep apart. */
static const struct resource *newest_live(const struct manager *m, size_t i,
					  size_t begin)
{
	const struct resource *r;
	size_t n;

	for (n = m->n; n--; ) {
		r = m->resources[n];
		if (!is_marker(r) && is_live_at(r, i) && r->added != NEVER &&
		    (state.trace->told || r->added < begin))
			return r;
	}
	return NULL;
}

static void order_of_sweep(const struct trace *t, const struct manager *m,
			   const struct sweep *s)
{
	const struct event *head = &t->events[m->events[s->first]], *e;
	const struct resource *r, *newest;
	unsigned int depth = 0;
	size_t i;

	for (i = s->first; i <= s->last; i++) {
		e = &t->events[m->events[i]];
		if (e->pid != head->pid)
			continue;
		if (e->type == EV_RELEASED && depth)
			depth--;
		if (e->type != EV_RELEASE)
			continue;
		/* What a release function releases early is its business. */
		if (t->ends && depth++)
			continue;
		r = e->resource;
		/* A stock kernel does not look at what is added meanwhile. */
		if (is_marker(r) || is_early(r) || (!t->told && r->added != NEVER &&
				     r->added > m->events[s->first]))
			continue;
		newest = newest_live(m, m->events[i], m->events[s->first]);
		if (newest && newest != r &&
		    (r->added == NEVER || newest->added > r->added))
			found(true, e, m->owner,
			      "%s %s is released before %s, which was added after it at %s",
			      m->class, r->name, newest->name,
			      show_time(t->events[newest->added].time));
	}
}

/* --- irq: no interrupt without a clock, power and data */

static bool has_word(const struct resource *r, const char *word)
{
	return strstr(r->name, word) || (r->fn && strstr(r->fn, word));
}

static bool is_irq(const struct resource *r)
{
	return !is_memory(r) && has_word(r, "irq") && !has_word(r, "irq_domain") &&
	       !has_word(r, "irq_chip") && !has_word(r, "irq_desc");
}

static const char *power_name(const struct resource *r)
{
	static const struct {
		const char	*word, *what;
	} table[] = {
		{ "clk", "clock" }, { "clock", "clock" },
		{ "pm_domain", "PM domain" }, { "genpd", "PM domain" },
		{ "pm_runtime", "runtime PM" }, { "regulator", "regulator" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (has_word(r, table[i].word))
			return table[i].what;
	return NULL;
}

static void irq_of_sweep(const struct trace *t, const struct manager *m,
			 const struct sweep *s)
{
	const struct resource *irq, *r;
	const struct event *e, *before;
	size_t i, j;

	for (i = s->first; i <= s->last; i++) {
		e = &t->events[m->events[i]];
		if (e->type != EV_RELEASE || !is_irq(e->resource))
			continue;
		irq = e->resource;
		for (j = s->first; j < i; j++) {
			before = &t->events[m->events[j]];
			if (before->type != EV_RELEASE)
				continue;
			r = before->resource;
			if (power_name(r))
				found(true, e, m->owner,
				      "%s is freed after %s (%s), %s earlier: an interrupt in between finds the device without its %s",
				      irq->name, r->name, power_name(r),
				      show_span(e->time - before->time),
				      power_name(r));
			else if (is_memory(r))
				found(false, e, m->owner,
				      "%s is freed after %s of %s, %s earlier: an interrupt in between may find its data freed",
				      irq->name, r->name, show_size(r->size),
				      show_span(e->time - before->time));
		}
	}
}

static void each_sweep(void (*fn)(const struct trace *t, const struct manager *m,
				  const struct sweep *s))
{
	const struct trace *t = state.trace;
	struct sweep *sweeps;
	size_t i, j, n;

	for (i = 0; i < t->n_managers; i++) {
		if (!wanted(state.options, t->managers[i]->owner))
			continue;
		n = sweeps_of(t, t->managers[i], &sweeps);
		for (j = 0; j < n; j++)
			fn(t, t->managers[i], &sweeps[j]);
		free(sweeps);
	}
}

static void rule_order(void)
{
	each_sweep(order_of_sweep);
}

static void rule_irq(void)
{
	each_sweep(irq_of_sweep);
}

/* --- leak: what is over and was not released */

/* Who keeps a scope: files, and those that took a reference. */
static void print_holders(const struct trace *t, const struct manager *m)
{
	const struct event *e;
	unsigned int gets = 0, puts = 0;
	const struct file *f;
	size_t i;

	for (f = m->files; f < m->files + m->n_files; f++) {
		if (f->closed != NEVER)
			continue;
		e = &t->events[f->opened];
		printf("    open: %s by %s-%d since %s (%s)\n", f->node, e->comm,
		       e->pid, show_time(e->time), show_span(since(t, f->opened)));
	}
	for (i = 0; i < m->n_events; i++) {
		e = &t->events[m->events[i]];
		gets += e->type == EV_GET;
		puts += e->type == EV_PUT;
	}
	if (!gets && !puts)
		return;
	printf("    references: %u taken, 1 of the binding, %u dropped; taken by\n",
	       gets, puts);
	for (i = 0; i < m->n_events; i++) {
		e = &t->events[m->events[i]];
		if (e->type == EV_GET)
			printf("      %s by %s (%s-%d)\n", show_time(e->time),
			       e->by ?: "?", e->comm, e->pid);
	}
}

static void leak_of_scope(const struct trace *t, const struct manager *m)
{
	uint64_t bytes = 0;
	size_t i, n = 0;

	for (i = 0; i < m->n; i++) {
		if (is_marker(m->resources[i]) || !is_live_at(m->resources[i], t->n))
			continue;
		bytes += m->resources[i]->size;
		n++;
	}
	/* Those that were added before the trace are not known. */
	found(true, &t->events[m->revoke], m->owner,
	      "unbound, and %s later at the end of the trace its scope is still there%s%s%s%s",
	      show_span(since(t, m->revoke)), n ? ", with " : "",
	      n ? show_count(n, "resource") : "", n ? ", " : "",
	      n ? show_size(bytes) : "");
	print_holders(t, m);
}

/* Something is left of what was there or came before the last sweep ended. */
static void leak_of_sweep(const struct trace *t, const struct manager *m,
			  const struct sweep *s)
{
	size_t first = m->events[s->first], last = m->events[s->last], i;
	const struct resource *r;

	for (i = 0; i < m->n; i++) {
		r = m->resources[i];
		if (is_marker(r) || r->added == NEVER || r->added > last)
			continue;
		if (r->released != NEVER && r->ended == NEVER && t->ends &&
		    r->released >= first && r->released <= last)
			found(true, &t->events[r->released], m->owner,
			      "the release of %s %s has not ended, %s later", m->class,
			      r->name, show_span(since(t, r->released)));
		if (!s->whole || !is_live_at(r, last + 1))
			continue;
		found(true, &t->events[r->added], m->owner,
		      "%s %s was added before the release of everything had ended, and is left over",
		      m->class, r->name);
	}
}

static void rule_leak(void)
{
	const struct trace *t = state.trace;
	size_t i;

	/* What is missing may be what was lost. */
	if (t->lost)
		return;
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		if (m->scope && m->revoke != NEVER && m->free == NEVER &&
		    wanted(state.options, m->owner))
			leak_of_scope(t, m);
	}
	each_sweep(leak_of_sweep);
}

/* --- late-call: nobody is inside after the drain */

static void rule_late_call(void)
{
	const struct trace *t = state.trace;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		const struct manager *m = e->manager;

		if (!m->scope || !wanted(state.options, m->owner))
			continue;
		if (e->type == EV_OPEN && m->drained != NEVER && m->drained < i)
			found(true, e, m->owner,
			      "%s-%d was inside open() of %s, %s after the drain",
			      e->comm, e->pid, e->name,
			      show_span(e->time - t->events[m->drained].time));
		if (e->type == EV_PUBLISH && m->revoke != NEVER && m->revoke < i)
			found(true, e, m->owner, "%s is published, %s after revoke",
			      e->name,
			      show_span(e->time - t->events[m->revoke].time));
	}
}

/* --- unpublish: nodes go before ->remove(), after which devm resources go */

static void rule_unpublish(void)
{
	const struct trace *t = state.trace;
	size_t i, j;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i], *late = NULL;

		if (e->type != EV_UNPUBLISH || !wanted(state.options, e->owner))
			continue;
		for (j = e->unbind ? e->unbind->first : i; j < i; j++)
			if (t->events[j].unbind == e->unbind &&
			    t->events[j].type == EV_ALL_BEGIN &&
			    !strcmp(t->events[j].class, "devm"))
				late = &t->events[j];
		if (late)
			found(true, e, e->owner,
			      "%s is unpublished %s after the devm resources began to go, so after ->remove()",
			      e->name, show_span(e->time - late->time));
	}
}

/* --- devm-mem: what a file reaches is not devm memory */

/*
 * Of a resource, before the memory that it stands for, where kmalloc() aligns
 * least. Where it aligns more, what lies near the end of the memory is missed.
 */
#define HEADER	32

/* The character device whose struct lies in @r, if it is open at event @i. */
static const struct file *open_at(const struct manager *m, size_t i,
				  const struct resource *r,
				  const struct chardev **inside)
{
	const struct file *f, *any = NULL;
	const struct chardev *c;

	*inside = NULL;
	for (f = m->files; f < m->files + m->n_files; f++) {
		if (f->opened > i || (f->closed != NEVER && f->closed < i))
			continue;
		any = f;
		for (c = m->chardevs; c < m->chardevs + m->n_chardevs; c++)
			if (c->name == f->node && c->published < i && c->object &&
			    c->object > r->node &&
			    c->object - r->node < r->size + HEADER) {
				*inside = c;
				return f;
			}
	}
	return any;
}

static void rule_devm_mem(void)
{
	const struct trace *t = state.trace;
	size_t i, j;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];

		if (e->type != EV_RELEASE || strcmp(e->class, "devm") ||
		    !is_memory(e->resource) || !wanted(state.options, e->owner))
			continue;
		for (j = 0; j < t->n_managers; j++) {
			const struct manager *m = t->managers[j];
			const struct chardev *inside;
			const struct file *f;

			if (!m->scope || m->owner != e->owner)
				continue;
			f = open_at(m, i, e->resource, &inside);
			if (!f)
				continue;
			if (inside)
				found(true, e, e->owner,
				      "the struct of %s lies in devm memory (%s, %s) that is freed while %s-%d has it open",
				      inside->name, e->resource->name,
				      show_size(e->resource->size),
				      t->events[f->opened].comm,
				      t->events[f->opened].pid);
			else
				found(false, e, e->owner,
				      "devm memory (%s, %s%s%s) is freed while %s-%d has %s open: right if no file operation touches it",
				      e->resource->name,
				      show_size(e->resource->size),
				      e->resource->by ? ", added by " : "",
				      e->resource->by ?: "",
				      t->events[f->opened].comm,
				      t->events[f->opened].pid, f->node);
		}
	}
}

/* --- slow */

/* Is the time that a release took that of a drain within it? */
static bool is_drain(const struct trace *t, size_t i)
{
	const struct event *e = &t->events[i];
	const struct manager *m;
	size_t j;

	if (strcmp(e->class, "unpublish"))
		return false;
	for (j = 0; j < t->n_managers; j++) {
		m = t->managers[j];
		if (m->drained != NEVER && m->drain != NEVER && m->drained < i &&
		    m->unbind && m->unbind == e->unbind &&
		    t->events[m->drained].time - t->events[m->drain].time >
		    state.options->slow_ms * 1000000)
			return true;
	}
	return false;
}

static void rule_slow(void)
{
	const struct trace *t = state.trace;
	uint64_t limit = state.options->slow_ms * 1000000;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		const struct manager *m = e->manager;
		uint64_t span;

		if (!wanted(state.options, e->owner))
			continue;
		if (e->type == EV_RELEASED && e->duration > limit &&
		    !is_drain(t, i)) {
			found(true, e, e->owner, "the release of %s %s took %s, more than %" PRIu64 " ms",
			      e->class, e->name, show_span(e->duration),
			      state.options->slow_ms);
		} else if (e->type == EV_DRAINED && m->drain != NEVER) {
			span = e->time - t->events[m->drain].time;
			if (span > limit)
				found(true, e, e->owner,
				      "calls inside kept the drain waiting for %s, more than %" PRIu64 " ms",
				      show_span(span), state.options->slow_ms);
		}
	}
}

/* --- lost */

static void rule_lost(void)
{
	const struct trace *t = state.trace;
	size_t i;

	if (t->lost)
		found(false, &t->events[0], t->file,
		      "the kernel's buffer was too small, events were lost; leaks are not looked for");
	for (i = 0; i < n_gaps; i++) {
		const struct event *e = &t->events[gaps[i].event];

		if (wanted(state.options, e->owner))
			found(false, e, e->owner,
			      "%s event #%u comes where #%u was to come: one is missing, or they were not all on",
			      e->class, e->seq, gaps[i].want);
	}
}

static const struct {
	const char	*name;
	void		(*fn)(void);
} rules[] = {
	{ "order",	rule_order },
	{ "leak",	rule_leak },
	{ "irq",	rule_irq },
	{ "late-call",	rule_late_call },
	{ "unpublish",	rule_unpublish },
	{ "devm-mem",	rule_devm_mem },
	{ "slow",	rule_slow },
	{ "lost",	rule_lost },
};

/* Is @name one of the words of @list, or is there no list? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!list)
		return true;
	for (; *list; list += strcspn(list, ",")) {
		if (*list == ',')
			list++;
		if (strcspn(list, ",") == len && !strncmp(list, name, len))
			return true;
	}
	return false;
}

bool check_rules_valid(const char *list)
{
	size_t len;
	unsigned int i;

	for (; *list; list += len) {
		if (*list == ',')
			list++;
		len = strcspn(list, ",");
		for (i = 0; i < ARRAY_SIZE(rules); i++)
			if (strlen(rules[i].name) == len &&
			    !strncmp(rules[i].name, list, len))
				break;
		if (i == ARRAY_SIZE(rules))
			return false;
	}
	return true;
}

int check(const struct trace *t, const struct options *o)
{
	unsigned int i;

	state.trace = t;
	state.options = o;
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!listed(o->rules, rules[i].name))
			continue;
		state.rule = rules[i].name;
		rules[i].fn();
	}
	printf("%s%s, %s%s in %s of %s%s\n",
	       state.errors ? on(RED) : state.warnings ? on(YELLOW) : on(GREEN),
	       show_count(state.errors, "error"),
	       show_count(state.warnings, "warning"), off(),
	       show_count(t->n, "event"), show_count(t->n_managers, "list"),
	       t->stock ? " (dev:devres_log only: less can be told)" : "");
	return state.errors || (o->strict && state.warnings) ? EXIT_FOUND :
							       EXIT_CLEAN;
}
