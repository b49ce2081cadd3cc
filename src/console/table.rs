//! Tables in a given width: the first column gives way, then whole columns, the least important first.

use ratatui::text::{Line, Span};

use super::text::{self, Side, Tone};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// Where its texts are.
    pub side: Side,
    /// The columns of the highest rank are left out first; those of rank 0, and the first, never.
    pub rank: u8,
}

impl<'a> Column<'a> {
    /// A column of words.
    pub const fn words(title: &'a str, rank: u8) -> Self {
        Self { title, side: Side::Left, rank }
    }

    /// A column of figures.
    pub const fn figures(title: &'a str, rank: u8) -> Self {
        Self { title, side: Side::Right, rank }
    }
}

/// What stands in a column of a row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text of anybody.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    /// The same, with a meaning.
    pub fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: text::printable(text.as_ref()), tone }
    }

    /// A figure that is only worth a look if it is not 0.
    pub fn count(figure: u64, tone: Tone) -> Self {
        let tone = if figure == 0 { Tone::Quiet } else { tone };
        Self::toned(super::format::count(figure), tone)
    }
}

/// The lines of a table in `width` cells, none wider: the titles, then a line a row.
///
/// Each row has a cell a column. `None` as width is as wide as the texts are.
pub fn lines(columns: &[Column<'_>], rows: &[Vec<Cell>], width: Option<usize>) -> Vec<Line<'static>> {
    let fit = Fit::new(columns, rows, width.unwrap_or(usize::MAX));
    let titles: Vec<Cell> = columns.iter().map(|column| Cell::toned(column.title, Tone::Head)).collect();
    std::iter::once(&titles).chain(rows).map(|row| fit.line(columns, row)).collect()
}

/// Blanks between two columns.
const GAP: usize = 2;
/// Cells that the first column keeps while others can be left out.
const FIRST_MIN: usize = 16;

/// The columns that are shown, and their widths.
struct Fit {
    shown: Vec<(usize, usize)>,
}

impl Fit {
    fn new(columns: &[Column<'_>], rows: &[Vec<Cell>], width: usize) -> Self {
        let natural = |index: usize, column: &Column<'_>| {
            let texts = rows.iter().filter_map(|row| row.get(index));
            texts.map(|cell| text::width(&cell.text)).max().unwrap_or(0).max(text::width(column.title))
        };
        let shown = columns.iter().enumerate().map(|(index, column)| (index, natural(index, column)));
        let mut fit = Self { shown: shown.collect() };
        let least = fit.shown.first().map_or(0, |&(_, first)| first.min(FIRST_MIN));
        while fit.beside_first().saturating_add(least) > width && fit.leave_one_out(columns) {}
        fit.narrow(width);
        fit
    }

    /// Cells of all but the first, gaps included.
    fn beside_first(&self) -> usize {
        self.shown.iter().skip(1).map(|(_, cells)| cells + GAP).sum()
    }

    /// Leaves out the last of the least important columns. `false`: none may be left out.
    fn leave_one_out(&mut self, columns: &[Column<'_>]) -> bool {
        let others = self.shown.iter().enumerate().skip(1);
        let least = others.max_by_key(|(_, (index, _))| columns[*index].rank);
        match least.filter(|(_, (index, _))| columns[*index].rank > 0) {
            Some((place, _)) => {
                self.shown.remove(place);
                true
            }
            None => false,
        }
    }

    /// Takes from the first column what is too much, and from those at the right if that is not enough.
    fn narrow(&mut self, width: usize) {
        let beside = self.beside_first();
        if let Some((_, first)) = self.shown.first_mut() {
            *first = (*first).min(width.saturating_sub(beside));
        }
        let mut left = width;
        for (place, (_, cells)) in self.shown.iter_mut().enumerate() {
            let gap = if place == 0 { 0 } else { GAP };
            *cells = (*cells).min(left.saturating_sub(gap));
            left = left.saturating_sub(*cells + gap);
        }
    }

    fn line(&self, columns: &[Column<'_>], row: &[Cell]) -> Line<'static> {
        let mut spans = Vec::new();
        for (place, &(index, cells)) in self.shown.iter().enumerate() {
            let Some(cell) = row.get(index).filter(|_| cells > 0) else { continue };
            if place > 0 {
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            let text = text::filled(&cell.text, cells, columns[index].side);
            spans.push(Span::styled(text, cell.tone.style()));
        }
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::{Colour, text};
    use super::*;

    const COLUMNS: [Column<'static>; 4] = [
        Column::words("SERVICE", 0),
        Column::figures("QUEUED", 0),
        Column::figures("DONE/MIN", 1),
        Column::figures("OLDEST", 2),
    ];

    fn row(cells: [&str; 4]) -> Vec<Cell> {
        cells.map(Cell::new).to_vec()
    }

    fn check(width: Option<usize>) -> String {
        let rows =
            [row(["A-VERY-LONG-NAME-OF-A-SERVICE", "12.3k", "0", "3 m 05 s"]), row(["B\x1b", "1", "2", "–"])];
        text(&lines(&COLUMNS, &rows, width), Colour::Without)
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        insta::assert_snapshot!(check(None), @r"
        SERVICE                        QUEUED  DONE/MIN    OLDEST
        A-VERY-LONG-NAME-OF-A-SERVICE   12.3k         0  3 m 05 s
        B\u{1b}                             1         2         –
        ");
    }

    #[test]
    fn the_first_column_gives_way_and_then_the_least_important() {
        insta::assert_snapshot!(check(Some(46)), @r"
        SERVICE             QUEUED  DONE/MIN    OLDEST
        A-VERY-LONG-NAME-…   12.3k         0  3 m 05 s
        B\u{1b}                  1         2         –
        ");
        insta::assert_snapshot!(check(Some(30)), @r"
        SERVICE                 QUEUED
        A-VERY-LONG-NAME-OF-A…   12.3k
        B\u{1b}                      1
        ");
        insta::assert_snapshot!(check(Some(10)), @r"
        S…  QUEUED
        A…   12.3k
        B…       1
        ");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(
            rows in proptest::collection::vec(proptest::array::uniform4(any::<String>()), 0..4),
            width in 0_usize..60,
        ) {
            let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(Cell::new).collect()).collect();
            for line in lines(&COLUMNS, &rows, Some(width)) {
                prop_assert!(line.width() <= width, "{} > {width}", line.width());
            }
        }
    }
}
