// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: check, rules that a good trace keeps
 *
 * An error is what is wrong by what the trace shows. A warning is what is wrong
 * in most drivers, and right in some: the trace alone cannot tell. What may have
 * happened in events that are missing is held against nobody.
 *
 * Each rule goes through the events once.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "trace.h"

static struct {
	const struct trace	*trace;
	const struct options	*options;
	struct findings		*findings;
	struct rule_result	*result;
} state;

static struct finding * __attribute__((format(printf, 5, 6)))
found(bool error, size_t event, const struct manager *m,
      const struct resource *r, const char *fmt, ...)
{
	static struct finding unwanted;
	struct findings *fs = state.findings;
	struct finding *f;
	va_list args;
	char *text;

	if (event != NEVER && !wanted_life(state.trace, state.options, event, event))
		return &unwanted;
	grow(fs->all, fs->n, fs->room);
	f = &fs->all[fs->n++];
	*f = (struct finding){
		.rule = state.result->rule, .manager = m, .resource = r,
		.event = event, .error = error,
	};
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	/* Many devices have the same. */
	f->text = intern(text, strlen(text));
	free(text);
	f->suppressed = suppress(f->rule, m ? m->owner : state.trace->file, f->text);
	if (f->suppressed) {
		state.result->suppressed++;
		fs->suppressed++;
	} else if (error) {
		state.result->errors++;
		fs->errors++;
	} else {
		state.result->warnings++;
		fs->warnings++;
	}
	return f;
}

static void looked(void)
{
	state.result->looked++;
}

static bool asked(const struct manager *m)
{
	return wanted_manager(state.options, m);
}

static uint64_t since(const struct trace *t, size_t i)
{
	return span_of(t, i, t->n - 1);
}

/*
 * Did @a happen before @b, of another manager, for certain? Where clocks have been
 * seen to disagree, those of two processors say nothing.
 */
static bool is_before(const struct trace *t, size_t a, size_t b)
{
	return a < b && (!t->moved || t->events[a].cpu == t->events[b].cpu);
}

/* --- order: what was added last goes first */

/* What is held, oldest first. */
struct held {
	struct resource	*oldest, *newest;
};

static void hold(struct held *h, struct resource *r)
{
	r->live[0] = h->newest;
	r->live[1] = NULL;
	if (h->newest)
		h->newest->live[1] = r;
	else
		h->oldest = r;
	h->newest = r;
}

static void unhold(struct held *h, struct resource *r)
{
	if (r->live[0])
		r->live[0]->live[1] = r->live[1];
	else if (h->oldest == r)
		h->oldest = r->live[1];
	else
		return;
	if (r->live[1])
		r->live[1]->live[0] = r->live[0];
	else
		h->newest = r->live[0];
	r->live[0] = r->live[1] = NULL;
}

static void unhold_all(struct held *h)
{
	while (h->newest)
		unhold(h, h->newest);
}

static void order_error(const struct trace *t, const struct manager *m, size_t i,
			const struct resource *r, const struct resource *newer)
{
	found(true, i, m, r,
	      "%s %s is released before %s, which was added after it at %s",
	      m->class, r->name, newer->name,
	      show_time(t->events[newer->added].time));
}

/* @last: what was released before it, of the same group */
static void order_of_release(const struct trace *t, const struct manager *m,
			     const struct sweep *s, size_t i, struct held *h,
			     const struct resource **last)
{
	const struct resource *r = t->events[i].resource;
	struct resource *newest;

	looked();
	if (s->group) {
		/* What is newer and not of the group stays. */
		if (*last && (*last)->added != NEVER && r->added != NEVER &&
		    (*last)->added < r->added &&
		    is_whole(t, m, m->events[s->first], i))
			order_error(t, m, (*last)->released, *last, r);
		*last = r;
		return;
	}
	/* One that may have gone in a gap may have gone. */
	while ((newest = h->newest) && !is_whole(t, m, newest->added, i))
		unhold(h, newest);
	if (newest && newest != r &&
	    (r->added == NEVER || newest->added > r->added))
		order_error(t, m, i, r, newest);
}

static void order_of_manager(const struct trace *t, const struct manager *m)
{
	struct sweep *sweeps;
	size_t k, s = 0, n = sweeps_of(t, m, true, &sweeps);
	const struct resource *last = NULL;
	struct held h = { NULL, NULL };
	unsigned int depth = 0;
	bool inside, theirs;

	for (k = 0; k < m->n_events; k++) {
		size_t i = m->events[k];
		const struct event *e = &t->events[i];
		struct resource *r = e->resource;

		while (s < n && k > sweeps[s].last)
			s++;
		inside = s < n && k >= sweeps[s].first;
		if (inside && k == sweeps[s].first) {
			depth = 0;
			last = NULL;
		}
		if (e->type > EV_RELEASED || is_marker(r))
			continue;
		/* A stock kernel does not look at what is added meanwhile. */
		if (e->type == EV_ADD && (t->told || !inside || sweeps[s].group))
			hold(&h, r);
		theirs = inside && e->pid == t->events[m->events[sweeps[s].first]].pid;
		if (theirs && e->type == EV_RELEASED && depth)
			depth--;
		/* What a release function releases early is its business. */
		if (theirs && e->type == EV_RELEASE && !(t->ends && depth++) &&
		    !is_early(r) &&
		    (t->told || r->added == NEVER || r->added < m->events[sweeps[s].first]))
			order_of_release(t, m, &sweeps[s], i, &h, &last);
		if (e->type == EV_RELEASE || e->type == EV_REMOVE)
			unhold(&h, r);
	}
	unhold_all(&h);
	free(sweeps);
}

static void each_manager(void (*fn)(const struct trace *t, const struct manager *m))
{
	const struct trace *t = state.trace;
	size_t i;

	for (i = 0; i < t->n_managers; i++)
		if (asked(t->managers[i]))
			fn(t, t->managers[i]);
}

static void each_sweep(bool groups,
		       void (*fn)(const struct trace *t, const struct manager *m,
				  const struct sweep *s))
{
	const struct trace *t = state.trace;
	struct sweep *sweeps;
	size_t i, j, n;

	for (i = 0; i < t->n_managers; i++) {
		if (!asked(t->managers[i]))
			continue;
		n = sweeps_of(t, t->managers[i], groups, &sweeps);
		for (j = 0; j < n; j++)
			fn(t, t->managers[i], &sweeps[j]);
		free(sweeps);
	}
}

static void rule_order(void)
{
	each_manager(order_of_manager);
}

/* --- irq: no interrupt without a clock, power and data */

enum role { NOTHING, INTERRUPT, MAYBE_INTERRUPT, POWER, MAYBE_POWER };

/*
 * What the release functions of the frameworks do, by what their sources are in
 * Linux 6.12 and 7.3. Those that only put a reference, end runtime PM or take back a
 * provider do not turn off anything for the device.
 */
static const struct {
	const char	*name;
	enum role	role;
	const char	*what;
} roles[] = {
	/* kernel/irq/devres.c, irq_sim.c, drivers/base/regmap/regmap-irq.c */
	{ "devm_irq_release",			INTERRUPT,	NULL },
	{ "devm_irq_desc_release",		NOTHING,	NULL },
	{ "devm_irq_remove_generic_chip",	NOTHING,	NULL },
	{ "devm_irq_domain_remove",		NOTHING,	NULL },
	{ "devm_irq_domain_remove_sim",		NOTHING,	NULL },
	{ "devm_regmap_irq_chip_release",	MAYBE_INTERRUPT, NULL },
	{ "devm_platform_get_irqs_affinity_release", NOTHING,	NULL },
	{ "devm_pm_clear_wake_irq",		NOTHING,	NULL },
	{ "regulator_irq_helper_drop",		NOTHING,	NULL },
	/* drivers/clk/clk-devres.c, clk.c: the first may put only */
	{ "devm_clk_release",			MAYBE_POWER,	"clock" },
	{ "devm_clk_disable_unprepare",		POWER,		"clock" },
	{ "devm_clk_bulk_release_enable",	POWER,		"clock" },
	{ "devm_clk_bulk_release_all_enable",	POWER,		"clock" },
	{ "devm_clk_bulk_release",		NOTHING,	NULL },
	{ "devm_clk_bulk_release_all",		NOTHING,	NULL },
	{ "devm_clk_rate_exclusive_put",	NOTHING,	NULL },
	{ "devm_clk_notifier_release",		NOTHING,	NULL },
	/* drivers/regulator/devres.c */
	{ "regulator_action_disable",		POWER,		"regulator" },
	{ "devm_regulator_bulk_disable",	POWER,		"regulator" },
	/* drivers/base/power: common.c, runtime.c, clock_ops.c */
	{ "devm_pm_domain_detach_list",		POWER,		"PM domain" },
	{ "pm_runtime_disable_action",		NOTHING,	NULL },
	{ "pm_runtime_set_suspended_action",	NOTHING,	NULL },
	{ "pm_runtime_put_noidle_action",	NOTHING,	NULL },
	{ "pm_clk_destroy_action",		MAYBE_POWER,	"clock" },
};

/* Is one of @words, which end with %NULL, a word of @name? */
static const char *has_word(const char *name, const char * const *words)
{
	size_t i, len;
	const char *p;

	for (i = 0; words[i]; i++) {
		len = strlen(words[i]);
		for (p = name; (p = strstr(p, words[i])); p++)
			if ((p == name || p[-1] == '_') &&
			    (!p[len] || p[len] == '_' || p[len] == ' '))
				return words[i];
	}
	return NULL;
}

/* A function of a driver's own, by what it is called. */
static enum role role_by_words(const char *name, const char **what)
{
	static const char * const irq[] = { "irq", "irqs", "interrupt", NULL };
	static const char * const frees[] = { "free", "release", NULL };
	static const char * const other[] = {
		"domain", "chip", "desc", "vectors", "vector", "mapping", "wake",
		"provider", NULL
	};
	static const char * const clock[] = { "clk", "clks", "clock", "clocks", NULL };
	static const char * const power[] = {
		"regulator", "regulators", "power", "poweroff", "powerdown", NULL
	};
	static const char * const offs[] = {
		"off", "disable", "unprepare", "down", "poweroff", "powerdown", NULL
	};

	if (has_word(name, other))
		return NOTHING;
	if (has_word(name, irq) && has_word(name, frees))
		return MAYBE_INTERRUPT;
	if (!has_word(name, offs))
		return NOTHING;
	*what = has_word(name, clock) ? "clock" : has_word(name, power) ? "power" : NULL;
	return *what ? MAYBE_POWER : NOTHING;
}

static enum role role_of_name(const char *name, const char **what)
{
	unsigned int i;
	size_t len;

	/* As devm_add_action() was given it. */
	if (*name == '&')
		name++;
	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		len = strlen(roles[i].name);
		if (strncmp(name, roles[i].name, len) || (name[len] && name[len] != ' '))
			continue;
		*what = roles[i].what;
		return roles[i].role;
	}
	return role_by_words(name, what);
}

static enum role role_of(const struct resource *r, const char **what)
{
	enum role role;

	*what = NULL;
	if (is_memory(r))
		return NOTHING;
	role = role_of_name(r->name, what);
	if (role == NOTHING && r->fn)
		role = role_of_name(r->fn, what);
	return role;
}

/* Of a kind that an interrupt may need: the first that has gone, and how many. */
struct gone {
	const struct event	*first;
	size_t			index;
	unsigned int		n;
	const char		*what;
};

static void gone_add(struct gone *g, const struct event *e, size_t i,
		     const char *what)
{
	if (!g->n++) {
		g->first = e;
		g->index = i;
		g->what = what;
	}
}

static const char *and_others(const struct gone *g)
{
	static char s[32];

	if (g->n < 2)
		return "";
	snprintf(s, sizeof(s), " and %u other%s", g->n - 1, g->n > 2 ? "s" : "");
	return s;
}

static void irq_after(const struct trace *t, const struct manager *m, size_t i,
		      bool irq, struct gone *off, struct gone *maybe_off,
		      struct gone *memory)
{
	const struct resource *r = t->events[i].resource;

	if (off->n)
		found(irq, i, m, r,
		      "%s is freed after %s%s (%s), %s earlier: an interrupt in between finds the device without its %s",
		      r->name, off->first->resource->name, and_others(off), off->what,
		      show_span(span_of(t, off->index, i)), off->what);
	if (maybe_off->n)
		found(false, i, m, r,
		      "%s is freed after %s%s, %s earlier: if that is its %s, an interrupt in between finds the device without it",
		      r->name, maybe_off->first->resource->name, and_others(maybe_off),
		      show_span(span_of(t, maybe_off->index, i)), maybe_off->what);
	if (memory->n)
		found(false, i, m, r,
		      "%s is freed after %s of %s%s, %s earlier: an interrupt in between may find its data freed",
		      r->name, memory->first->resource->name,
		      show_size(memory->first->resource->size), and_others(memory),
		      show_span(span_of(t, memory->index, i)));
}

static void irq_of_sweep(const struct trace *t, const struct manager *m,
			 const struct sweep *s)
{
	struct gone off = { 0 }, maybe_off = { 0 }, memory = { 0 };
	const char *what;
	size_t k, i;

	looked();
	for (k = s->first; k <= s->last; k++) {
		const struct event *e = &t->events[i = m->events[k]];
		enum role role;

		if (e->type != EV_RELEASE || is_marker(e->resource))
			continue;
		if (is_memory(e->resource)) {
			gone_add(&memory, e, i, NULL);
			continue;
		}
		role = role_of(e->resource, &what);
		if (role == POWER)
			gone_add(&off, e, i, what);
		else if (role == MAYBE_POWER)
			gone_add(&maybe_off, e, i, what);
		else if (role != NOTHING)
			irq_after(t, m, i, role == INTERRUPT, &off, &maybe_off, &memory);
	}
}

static void rule_irq(void)
{
	each_sweep(true, irq_of_sweep);
}

/* --- leak: what is over and was not released */

/* As many lines as somebody reads. */
#define LINES	20

static void print_more(FILE *out, size_t n, const char *what)
{
	if (n > LINES)
		fprintf(out, "%sand %zu more\n", what, n - LINES);
}

/* Who keeps a scope: files, and those that took a reference. */
static char *holders(const struct trace *t, const struct manager *m)
{
	size_t i, n, gets = 0, puts = 0, shown = 0;
	const struct event *e;
	const struct file *f;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		die("out of memory");
	for (n = m->oldest_open; n != NEVER; n = f->next) {
		f = &m->files[n];
		if (shown++ >= LINES)
			continue;
		e = &t->events[f->opened];
		fprintf(out, "    open: %s by %s-%d since %s (%s)%s\n", f->node, e->comm,
			e->pid, show_time(e->time), show_span(since(t, f->opened)),
			is_certain(m, f) ? "" : ", or another that had it open");
	}
	print_more(out, shown, "    ");
	for (i = 0; i < m->n_events; i++) {
		e = &t->events[m->events[i]];
		gets += e->type == EV_GET;
		puts += e->type == EV_PUT;
	}
	if (gets || puts)
		fprintf(out, "    references: %zu taken, 1 of the binding, %zu dropped; taken by\n",
			gets, puts);
	for (i = gets = 0; i < m->n_events; i++) {
		e = &t->events[m->events[i]];
		if (e->type == EV_GET && gets++ < LINES)
			fprintf(out, "      %s by %s (%s-%d)\n", show_time(e->time),
				e->by ?: "?", e->comm, e->pid);
	}
	print_more(out, gets, "      ");
	if (fclose(out))
		die("out of memory");
	return text;
}

static void leak_of_scope(const struct trace *t, const struct manager *m)
{
	uint64_t bytes = 0;
	size_t i, n = 0;
	bool open = m->oldest_open != NEVER;
	struct finding *f;

	for (i = 0; i < m->n; i++) {
		if (is_marker(m->resources[i]) || !is_live_at(m->resources[i], t->n))
			continue;
		bytes += m->resources[i]->size;
		n++;
	}
	/*
	 * A file that is open is right to keep it. Files that were opened before the
	 * trace are not known, nor resources that were added before.
	 */
	f = found(!open && m->create != NEVER, m->revoke, m, NULL,
		  "unbound, and %s later at the end of the trace its scope is still there%s%s%s%s%s",
		  show_span(since(t, m->revoke)), n ? ", with " : "",
		  n ? show_count(n, "resource") : "", n ? ", " : "",
		  n ? show_size(bytes) : "",
		  open ? ": right as long as its files are open" :
		  m->create == NEVER ? ": right if a file is open that was opened before the trace" :
		  ", and no file is open");
	f->details = holders(t, m);
}

/* Something is left of what was there or came before the last sweep ended. */
static void leak_of_sweep(const struct trace *t, const struct manager *m,
			  const struct sweep *s)
{
	size_t first = m->events[s->first], last = m->events[s->last], i;
	const struct resource *r;

	looked();
	for (i = s->first; i <= s->last && has_ends(t, m) && !t->lost; i++) {
		const struct event *e = &t->events[m->events[i]];

		if (e->type != EV_RELEASE)
			continue;
		r = e->resource;
		if (!is_marker(r) && r->ended == NEVER &&
		    is_whole(t, m, r->released, t->n - 1))
			found(true, r->released, m, r,
			      "the release of %s %s has not ended, %s later", m->class,
			      r->name, show_span(since(t, r->released)));
	}
	if (!s->whole)
		return;
	/* Those that were added before it, and after the sweep before this one. */
	for (i = s->first; i <= s->last; i++) {
		const struct event *e = &t->events[m->events[i]];

		if (e->type == EV_ADD && !is_marker(e->resource) &&
		    is_live_at(e->resource, last + 1) && e->resource->added >= first &&
		    is_whole(t, m, m->events[i], last))
			found(true, m->events[i], m, e->resource,
			      "%s %s was added before the release of everything had ended, and is left over",
			      m->class, e->resource->name);
	}
}

/*
 * What was added before a sweep and is there after it. It stays in the list, and so
 * is not found again in the next.
 */
static void leak_of_manager(const struct trace *t, const struct manager *m)
{
	struct sweep *sweeps;
	struct held h = { NULL, NULL };
	struct resource *r, *older;
	size_t k, s = 0, n = sweeps_of(t, m, false, &sweeps);

	for (k = 0; k < m->n_events && s < n; k++) {
		size_t i = m->events[k];
		const struct event *e = &t->events[i];

		if (e->type <= EV_RELEASED && !is_marker(e->resource)) {
			if (e->type == EV_ADD && k < sweeps[s].first)
				hold(&h, e->resource);
			else if (e->type == EV_RELEASE || e->type == EV_REMOVE)
				unhold(&h, e->resource);
		}
		if (k != sweeps[s].last)
			continue;
		for (r = h.newest; r && sweeps[s].whole; r = older) {
			older = r->live[0];
			if (is_whole(t, m, r->added, i))
				found(true, r->added, m, r,
				      "%s %s was added before the release of everything had ended, and is left over",
				      m->class, r->name);
			unhold(&h, r);
		}
		s++;
	}
	unhold_all(&h);
	free(sweeps);
}

/* A DRM device lives as long as its files, of which there are no events. */
static void leak_of_drm(const struct trace *t, const struct manager *m)
{
	const struct unbind *u = m->device->unbind;
	size_t i, n = 0, first = NEVER;

	if (strcmp(m->class, "drmm") || !u || u->devm == NEVER)
		return;
	looked();
	for (i = 0; i < m->n; i++) {
		const struct resource *r = m->resources[i];

		if (is_marker(r) || !is_live_at(r, t->n) ||
		    (r->added != NEVER && r->added > u->first) ||
		    !is_whole(t, m, r->added == NEVER ? 0 : r->added, t->n - 1))
			continue;
		if (!n++)
			first = i;
	}
	if (n)
		found(false, u->devm, m, m->resources[first],
		      "%s of its DRM device, the first is %s, still held at the end of the trace, %s after the unbind: right as long as a file of it is open",
		      show_count(n, "resource"), m->resources[first]->name,
		      show_span(since(t, u->devm)));
}

static void rule_leak(void)
{
	const struct trace *t = state.trace;
	size_t i;

	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		/* What is missing at the end may be what was lost. */
		if (t->lost || !asked(m))
			continue;
		leak_of_drm(t, m);
		if (!m->scope || m->revoke == NEVER)
			continue;
		looked();
		if (m->free == NEVER && is_whole(t, m, m->revoke, t->n - 1))
			leak_of_scope(t, m);
	}
	each_manager(leak_of_manager);
	each_sweep(false, leak_of_sweep);
}

/* --- late-call: nobody is inside after the drain */

static void rule_late_call(void)
{
	const struct trace *t = state.trace;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		const struct manager *m = e->manager;

		if (!m->scope || !asked(m))
			continue;
		if (e->type == EV_REVOKE || e->type == EV_DRAINED)
			looked();
		if (e->type == EV_OPEN && m->drained != NEVER && m->drained < i)
			found(true, i, m, NULL,
			      "%s-%d was inside open() of %s, %s after the drain",
			      e->comm, e->pid, e->name,
			      show_span(span_of(t, m->drained, i)));
		if (e->type == EV_PUBLISH && m->revoke != NEVER && m->revoke < i)
			found(true, i, m, NULL, "%s is published, %s after revoke",
			      e->name, show_span(span_of(t, m->revoke, i)));
	}
}

/* --- unpublish: nodes go before ->remove(), after which devm resources go */

static void rule_unpublish(void)
{
	const struct trace *t = state.trace;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		const struct unbind *u = e->unbind;

		if (e->type != EV_UNPUBLISH || !asked(e->manager))
			continue;
		looked();
		if (u && u->devm != NEVER && u->devm < i)
			found(is_before(t, u->devm, i), i, e->manager, NULL,
			      "%s is unpublished %s after the devm resources began to go, so after ->remove()",
			      e->name, show_span(span_of(t, u->devm, i)));
	}
}

/* --- devm-mem: what a file reaches is not devm memory */

/*
 * Of a resource, before the memory that it stands for, where kmalloc() aligns
 * least. Where it aligns more, what lies near the end of the memory is missed.
 */
#define HEADER	32

/* The character device whose struct lies in @r, if somebody has it open. */
static const struct file *open_inside(const struct manager *m,
				      const struct resource *r)
{
	const struct chardev *c;
	size_t n;

	for (c = m->chardevs; c < m->chardevs + m->n_chardevs; c++) {
		if (!c->object || c->object <= r->node ||
		    c->object - r->node >= r->size + HEADER)
			continue;
		for (n = m->newest_open; n != NEVER; n = m->files[n].prev)
			if (m->files[n].node == c->name &&
			    m->files[n].opened > c->published)
				return &m->files[n];
	}
	return NULL;
}

static void devm_mem_of(const struct trace *t, size_t i, const struct manager *m)
{
	const struct event *e = &t->events[i];
	const struct resource *r = e->resource;
	const struct file *f;

	if (m->newest_open == NEVER)
		return;
	f = open_inside(m, r);
	if (f) {
		found(is_before(t, f->opened, i), i, e->manager, r,
		      "the struct of %s lies in devm memory (%s, %s) that is freed while %s-%d has it open",
		      f->node, r->name, show_size(r->size),
		      t->events[f->opened].comm, t->events[f->opened].pid);
		return;
	}
	f = &m->files[m->newest_open];
	found(false, i, e->manager, r,
	      "devm memory (%s, %s%s%s) is freed while %s-%d has %s open: right if no file operation touches it",
	      r->name, show_size(r->size), r->by ? ", added by " : "", r->by ?: "",
	      t->events[f->opened].comm, t->events[f->opened].pid, f->node);
}

/*
 * Files of which scopes may reach memory that goes now? Those of the binding that
 * ends; while it lasts, those that were not revoked.
 */
static void devm_mem_freed(const struct trace *t, size_t i)
{
	const struct event *e = &t->events[i];
	const struct manager *m;

	looked();
	if (e->unbind) {
		for (m = e->unbind->scopes; m; m = m->next_scope)
			devm_mem_of(t, i, m);
		return;
	}
	for (m = e->manager->device->scopes; m; m = m->next_bound)
		devm_mem_of(t, i, m);
}

static void scope_ends(struct manager *m)
{
	struct manager **link;

	for (link = &m->device->scopes; *link; link = &(*link)->next_bound)
		if (*link == m) {
			*link = m->next_bound;
			return;
		}
}

static void rule_devm_mem(void)
{
	const struct trace *t = state.trace;
	struct manager *m;
	size_t i;

	for (i = 0; i < t->n_managers; i++) {
		m = t->managers[i];
		m->oldest_open = m->newest_open = NEVER;
	}
	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];

		m = e->manager;
		if (m->scope && m->events[0] == i) {
			m->next_bound = m->device->scopes;
			m->device->scopes = m;
		}
		if (e->type == EV_OPEN)
			file_opened(m, e->open);
		else if (e->type == EV_CLOSE && e->open != NEVER)
			file_closed(m, e->open);
		else if (e->type == EV_REVOKE || e->type == EV_FREE)
			scope_ends(m);
		else if (e->type == EV_RELEASE && !strcmp(e->class, "devm") &&
			 is_memory(e->resource) && asked(m))
			devm_mem_freed(t, i);
	}
}

/* --- slow */

/* Is the time that a release took that of a drain within it? */
static bool is_drain(const struct trace *t, size_t i)
{
	const struct event *e = &t->events[i];
	const struct manager *m;

	if (strcmp(e->class, "unpublish") || !e->unbind)
		return false;
	for (m = e->unbind->scopes; m; m = m->next_scope)
		if (m->drained != NEVER && m->drain != NEVER && m->drained < i &&
		    span_of(t, m->drain, m->drained) > state.options->slow_ms * 1000000)
			return true;
	return false;
}

static void rule_slow(void)
{
	const struct trace *t = state.trace;
	uint64_t limit = state.options->slow_ms * 1000000, span;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		const struct manager *m = e->manager;

		if (!asked(m))
			continue;
		if (e->type == EV_RELEASED) {
			looked();
			if (e->duration > limit && !is_drain(t, i))
				found(true, i, m, e->resource,
				      "the release of %s %s took %s, more than %" PRIu64 " ms",
				      e->class, e->name, show_span(e->duration),
				      state.options->slow_ms);
		} else if (e->type == EV_DRAINED && m->drain != NEVER) {
			looked();
			span = span_of(t, m->drain, i);
			if (span > limit)
				found(true, i, m, NULL,
				      "calls inside kept the drain waiting for %s, more than %" PRIu64 " ms",
				      show_span(span), state.options->slow_ms);
		}
	}
}

/* --- lost */

static void rule_lost(void)
{
	const struct trace *t = state.trace;
	size_t i, j, missing, shown = 0;

	looked();
	if (t->lost)
		found(false, 0, NULL, NULL,
		      "the kernel's buffer was too small, events were lost; what is there at the end is not held against anybody");
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		if (!m->n_gaps || !asked(m) || shown++ >= LINES)
			continue;
		for (j = missing = 0; j < m->n_gaps; j++)
			missing += m->gaps[j].missing;
		found(false, m->gaps[0].event, m, NULL,
		      "%s of class %s missing in %s, the first is #%u: lost, or not asked for",
		      show_count(missing, "event"), m->class,
		      show_count(m->n_gaps, "place"), m->gaps[0].want);
	}
	if (shown > LINES)
		found(false, 0, NULL, NULL, "events of %zu more lists are missing",
		      shown - LINES);
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

_Static_assert(ARRAY_SIZE(rules) == ARRAY_SIZE(((struct findings *)0)->rules),
	       "there is a result for each");

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

bool check_is_rule(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (strlen(rules[i].name) == len && !strncmp(rules[i].name, name, len))
			return true;
	return false;
}

bool check_rules_valid(const char *list)
{
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (!check_is_rule(list, len))
			return false;
		if (!list[len])
			return true;
	}
}

void check_run(const struct trace *t, const struct options *o, struct findings *f)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	state.trace = t;
	state.options = o;
	state.findings = f;
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!listed(o->rules, rules[i].name))
			continue;
		state.result = &f->rules[f->n_rules++];
		state.result->rule = rules[i].name;
		rules[i].fn();
	}
}

/* What nobody has looked at is not fine. */
static void need_something(const struct trace *t, const struct options *o,
			   const struct findings *f)
{
	size_t i, n = 0;

	for (i = 0; i < t->n_managers && !n; i++)
		n += wanted_manager(o, t->managers[i]);
	if (!n)
		die_unwanted(t, o, "resource");
	for (i = n = 0; i < f->n_rules; i++)
		if (strcmp(f->rules[i].rule, "lost") || f->n_rules == 1)
			n += f->rules[i].looked;
	if (!n)
		die("%s: nothing in it is what %s %s about: no release of everything, no unbind, no end of a release",
		    t->file, o->rules ?: "the rules", o->rules && !strchr(o->rules, ',') ? "is" : "are");
}

int check(const struct trace *t, const struct options *o)
{
	struct findings f;

	if (o->suppress)
		suppress_read(o->suppress);
	check_run(t, o, &f);
	need_something(t, o, &f);
	report(t, o, &f);
	suppress_unused();
	return f.errors || (o->strict && f.warnings) ? EXIT_FOUND : EXIT_CLEAN;
}
