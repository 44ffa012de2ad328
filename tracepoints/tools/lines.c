// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: which lines of two lists are the same
 *
 * The longest common subsequence, by the algorithm of Myers: it takes as long as the
 * lists are different. What both begin and end with is left out first. Lists that
 * have next to nothing in common are not worth the time: after so many differences
 * all that is left counts as different.
 */
#include "trace.h"

#define DIFFERENCES	3000

/* Strings are interned, so that addresses tell. */
static void middle(const char * const *a, long n, const char * const *b, long m,
		   size_t *match, size_t offset)
{
	long max = n + m < DIFFERENCES ? n + m : DIFFERENCES, d, k, x, y;
	long *ends = xzalloc((2 * max + 3) * sizeof(*ends)), *v = ends + max + 1;
	long **rows = xzalloc((max + 1) * sizeof(*rows));

	for (d = 0; d <= max; d++) {
		/* As it was before this step, to find the way back. */
		rows[d] = xzalloc((2 * d + 3) * sizeof(long));
		memcpy(rows[d], v - d - 1, (2 * d + 3) * sizeof(long));
		for (k = -d; k <= d; k += 2) {
			x = k == -d || (k != d && v[k - 1] < v[k + 1]) ? v[k + 1] :
									 v[k - 1] + 1;
			for (y = x - k; x < n && y < m && a[x] == b[y]; x++, y++)
				;
			v[k] = x;
			if (x >= n && y >= m)
				goto back;
		}
	}
	d = max;
	goto out;

back:
	x = n;
	y = m;
	for (; d >= 0; d--) {
		long *row = rows[d] + d + 1;
		long from;

		k = x - y;
		from = k == -d || (k != d && row[k - 1] < row[k + 1]) ? k + 1 : k - 1;
		/* The way there: along what is the same, at the end of the step. */
		while (x > (d ? row[from] : 0) && y > (d ? row[from] - from : 0)) {
			x--;
			y--;
			match[x] = y + offset;
		}
		if (d) {
			x = row[from];
			y = x - from;
		}
	}
	d = max;
out:
	for (; d >= 0; d--)
		free(rows[d]);
	free(rows);
	free(ends);
}

/* For each of @a, index of the one of @b that it is the same as, or %NEVER. */
size_t *same_lines(const char * const *a, size_t n, const char * const *b, size_t m)
{
	size_t *match = xzalloc((n + 1) * sizeof(*match)), i, head = 0;

	for (i = 0; i < n; i++)
		match[i] = NEVER;
	while (head < n && head < m && a[head] == b[head]) {
		match[head] = head;
		head++;
	}
	while (n > head && m > head && a[n - 1] == b[m - 1]) {
		match[n - 1] = m - 1;
		n--;
		m--;
	}
	if (n > head && m > head)
		middle(a + head, n - head, b + head, m - head, match + head, head);
	return match;
}
