/* SPDX-License-Identifier: GPL-2.0 */
/* A check for valid JSON, strict enough for what the kernel prints. */
#ifndef E2E_JSON_H
#define E2E_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *json_space(const char *s)
{
	return s + strspn(s, " \n\t\r");
}

/* Each of these returns what follows, or NULL when it is not what it should be. */
static const char *json_string(const char *s)
{
	size_t n;

	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s == 'u') {
			n = strspn(s + 1, "0123456789abcdefABCDEF");
			if (n < 4)
				return NULL;
			s += 4;
		} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static const char *json_value(const char *s);

static const char *json_members(const char *s, char end)
{
	s = json_space(s + 1);
	if (*s == end)
		return s + 1;
	for (;;) {
		if (end == '}') {
			s = json_string(json_space(s));
			if (!s)
				return NULL;
			s = json_space(s);
			if (*s++ != ':')
				return NULL;
		}
		s = json_value(s);
		if (!s)
			return NULL;
		s = json_space(s);
		if (*s == end)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *json_value(const char *s)
{
	size_t n;

	s = json_space(s);
	if (*s == '{')
		return json_members(s, '}');
	if (*s == '[')
		return json_members(s, ']');
	if (*s == '"')
		return json_string(s);
	if (!strncmp(s, "true", 4))
		return s + 4;
	if (!strncmp(s, "false", 5))
		return s + 5;
	n = strspn(s, "0123456789");
	return !n || (n > 1 && *s == '0') ? NULL : s + n;
}

static bool json_is_valid(const char *s)
{
	s = json_value(s);
	return s && !*json_space(s);
}

#endif /* E2E_JSON_H */
