/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of groups, for the suite of the manager and for that of devres
 *
 * Also built for kernels without the resource manager.
 */
#ifndef _LIB_RESMGR_TESTS_GROUPS_H
#define _LIB_RESMGR_TESTS_GROUPS_H

#include <kunit/test.h>
#include <linux/ctype.h>

#include "lib.h"

/**
 * struct group_case - a script, and what it releases
 * @name: of the case
 * @script: the steps: a digit adds a resource; "(a" opens the group a, ")a"
 *	closes it, "-a" removes it, "!a" releases it, and "?a" tries to, when
 *	there is none. "_" is no id; "A" is the id that the first group got that
 *	was opened without one, "B" that of the second
 * @log: the resources in the order of their release: those of each group behind
 *	its letter, then the others
 */
struct group_case {
	const char	*name;
	const char	*script;
	const char	*log;
};

static const struct group_case group_cases[] = {
	{ "closed",		"1 (a 2 3 )a 4 5 !a",		"a: 3 2 end: 5 4 1" },
	/* It reaches to the newest. */
	{ "open",		"1 (a 2 3 4 !a",		"a: 4 3 2 end: 1" },
	{ "empty",		"1 (a )a !a (b !b",		"a: b: end: 1" },
	{ "nothing else",	"(a",				"end:" },
	{ "inner",		"(a 1 (b 2 3 )b 4 )a 5 !b !a",	"b: 3 2 a: 4 1 end: 5" },
	{ "outer",		"1 (a 2 (b 3 )b 4 )a !a ?b",	"a: 4 3 2 b: end: 1" },
	{ "two inner",		"1 (a 2 (b 3 )b 4 (c 5 )c )a 6 !b !a ?c",
								"b: 3 a: 5 4 2 c: end: 6 1" },
	{ "both open",		"(a 1 (b 2 !a",			"a: 2 1 end:" },
	/* One that begins inside and ends outside stays, with what is left of it. */
	{ "overlapping",	"(a 1 (b 2 )a 3 )b 4 !a !b",	"a: 2 1 b: 3 end: 4" },
	{ "overlapping newer",	"(a 1 (b 2 )a 3 )b !b 4 !a",	"b: 3 2 a: 1 end: 4" },
	/* One that begins inside and has no end yet counts as an inner one. */
	{ "overlapping open",	"(a 1 (b 2 )a 3 !a ?b",		"a: 2 1 b: end: 3" },
	{ "removed",		"(c 1 (a 2 )a (b 3 -a -b 4 !c",	"c: 4 3 2 1 end:" },
	{ "removed outer",	"(a 1 (b 2 )b )a 3 -a !b",	"b: 2 end: 3 1" },
	/* Of two groups with one id the newest is meant. */
	{ "same id",		"(a 1 )a 2 (a 3 )a 4 !a !a",	"a: 3 a: 1 end: 4 2" },
	{ "same id removed",	"(a 1 (a 2 -a )a 3 !a",		"a: 2 1 end: 3" },
	{ "id again",		"(a 1 !a (a 2 !a (a 3 !a",	"a: 1 a: 2 a: 3 end:" },
	/* No id means the newest that is open. */
	{ "newest open",	"(a 1 (b 2 (c 3 )_ 4 !_ 5 -_",	"_: 4 3 2 end: 5 1" },
	{ "made up ids",	"(a (_ (_ 1 !B 2 3 !A !a",	"B: 1 A: 3 2 a: end:" },
	{ "made up ids, closed", "(_ 1 (_ 2 )_ 3 )_ 4 !B !A",	"B: 2 A: 3 1 end: 4" },
	{ "left over",		"1 (a 2 (b 3 )a (c )b (_ 4",	"end: 4 3 2 1" },
};

KUNIT_ARRAY_PARAM_DESC(group_case, group_cases, name);

/**
 * struct group_front - functions of the owner that groups are tested with
 * @add: add an action: note_action() with @text
 * @open: open a group, return its id
 * @close: close one
 * @remove: remove one
 * @release: release one, return how many resources it had
 * @end: release all that is left
 */
struct group_front {
	void	(*add)(struct kunit *test, void *text);
	void	*(*open)(struct kunit *test, void *id);
	void	(*close)(struct kunit *test, void *id);
	void	(*remove)(struct kunit *test, void *id);
	int	(*release)(struct kunit *test, void *id);
	void	(*end)(struct kunit *test);
};

static inline void group_step(struct kunit *test, const struct group_front *front,
			      char step, void *id)
{
	unsigned int before = notes.count;
	int ret;

	switch (step) {
	case ')':
		front->close(test, id);
		break;
	case '-':
		front->remove(test, id);
		break;
	case '!':
		ret = front->release(test, id);
		KUNIT_EXPECT_EQ(test, ret, notes.count - before);
		return;
	case '?':
		EXPECT_A_WARNING(test, ret = front->release(test, id));
		KUNIT_EXPECT_LE(test, ret, 0);
		break;
	}
	/* Only a release releases anything. */
	KUNIT_EXPECT_EQ(test, notes.count, before);
}

static inline void group_run(struct kunit *test, const struct group_front *front)
{
	static char texts[10][2], ids[3];
	const struct group_case *c = test->param_value;
	void *id, *made[4];
	unsigned int nr_made = 0;
	const char *s;
	char step;

	notes_clear();
	for (s = c->script; *s; s++) {
		if (isspace(*s))
			continue;
		if (isdigit(*s)) {
			texts[*s - '0'][0] = *s;
			front->add(test, texts[*s - '0']);
			continue;
		}
		step = *s++;
		id = *s == '_' ? NULL : isupper(*s) ? made[*s - 'A'] : &ids[*s - 'a'];
		if (step == '(') {
			made[nr_made] = front->open(test, id);
			KUNIT_ASSERT_NOT_NULL(test, made[nr_made]);
			if (id)
				KUNIT_EXPECT_PTR_EQ(test, made[nr_made], id);
			else
				nr_made++;
			continue;
		}
		if (step == '!' || step == '?')
			note("%c:", *s);
		group_step(test, front, step, id);
	}
	note("end:");
	front->end(test);
	EXPECT_JOINED(test, " ", c->log);
}

#endif /* _LIB_RESMGR_TESTS_GROUPS_H */
