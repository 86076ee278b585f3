use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::postgres::fake::row;

fn builder(oids: &[u32], binary: bool) -> BatchBuilder {
    let columns: Vec<_> = oids.iter().map(|&oid| Column::new("c", oid)).collect();
    BatchBuilder::new(&columns, binary)
}

#[test]
fn rows_become_columns_with_a_bitmap_of_nulls() {
    let mut builder = builder(&[20, 25], true);
    for n in 0..10i64 {
        let id = n.to_be_bytes();
        builder.push(&row(&[Some(&id), (n % 4 != 1).then_some(&b"x"[..])])).unwrap();
    }
    let batch = builder.take().unwrap();
    assert_eq!(batch.rows, 10);
    assert_eq!(batch.columns[0], ColumnData { nulls: vec![], values: ColumnValues::Int((0..10).collect()) });
    assert_eq!(batch.columns[1].nulls, [0b0010_0010, 0b10]);
    assert!(batch.columns[1].is_null(9) && !batch.columns[1].is_null(8) && !batch.columns[0].is_null(9));
    assert!(builder.take().is_none());
}

#[test]
fn a_bitmap_covers_all_rows_wherever_the_last_null_is() {
    let mut builder = builder(&[16], true);
    builder.push(&row(&[None])).unwrap();
    for _ in 0..16 {
        builder.push(&row(&[Some(&[1])])).unwrap();
    }
    assert_eq!(builder.take().unwrap().columns[0].nulls, [1, 0, 0]);
}

#[test]
fn a_batch_is_full_by_rows_or_by_bytes() {
    let mut rows = builder(&[16], true);
    (0..999).for_each(|_| rows.push(&row(&[Some(&[1])])).unwrap());
    assert!(!rows.is_full());
    rows.push(&row(&[Some(&[1])])).unwrap();
    assert!(rows.is_full());
    let mut bytes = builder(&[17], true);
    bytes.push(&row(&[Some(&vec![0; 65_536])])).unwrap();
    assert!(bytes.is_full());
}

#[test]
fn a_batch_of_nulls_is_full_by_the_memory_that_it_takes() {
    let mut builder = builder(&[25; 1664], true);
    let nulls = row(&vec![None; 1664]);
    while !builder.is_full() {
        builder.push(&nulls).unwrap();
    }
    let batch = builder.take().unwrap();
    let slots = |column: &ColumnData| match &column.values {
        ColumnValues::Text(texts) => texts.capacity() * size_of::<String>(),
        other => panic!("{other:?}"),
    };
    let taken: usize = batch.columns.iter().map(slots).sum();
    assert!(taken <= 2 * MEMORY, "{taken} bytes in {} rows", batch.rows);
}

#[test]
fn the_main_cell_of_a_long_row_keeps_the_buffer_that_it_came_in() {
    let cells = [Some(&b"before"[..]), Some(&[b'x'; 1000]), None];
    for oid in [17, 25] {
        let mut builder = builder(&[25, oid, 25], true);
        let body = BytesMut::from(&row(&cells)[..]);
        let buffer = body.as_ptr();
        builder.push_long(body).unwrap();
        let value = match &builder.take().unwrap().columns[1].values {
            ColumnValues::Text(texts) => texts[0].as_ptr(),
            ColumnValues::Bytes(values) => values[0].as_ptr(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value, buffer, "the value was copied");
    }
}

#[test]
fn rows_that_lie_are_refused() {
    let whole = row(&[Some(b"abc")]);
    for (bad, what) in [
        (row(&[Some(b"a"), None]), "a row with another number of fields than announced"),
        (row(&[]), "a row with another number of fields than announced"),
        (whole[..whole.len() - 1].to_vec(), "a row shorter than its fields"),
        (whole[..4].to_vec(), "a row shorter than its fields"),
        ([&whole[..], b"x"].concat(), "a row longer than its fields"),
        (b"\0\x01\xff\xff\xff\xfe".to_vec(), "a field with a negative length"),
        (b"\0\x01\x7f\xff\xff\xff".to_vec(), "a row shorter than its fields"),
        (row(&[Some(b"\xff")]), "text that is not UTF-8"),
    ] {
        let result = builder(&[25], true).push(&bad);
        assert!(matches!(result, Err(TenantError::Protocol(found)) if found == what), "{what}: {result:?}");
    }
}

proptest! {
    #[test]
    fn a_long_row_gives_what_a_short_one_does(
        before in prop::option::of("[aé]{0,2}"),
        main in prop::collection::vec(prop_oneof![9 => Just(b'1'), 1 => any::<u8>()], 0..40),
        oid in prop::sample::select(vec![17u32, 20, 25, 701, 1114]),
        binary: bool,
        cut in 0..3usize,
    ) {
        let mut body = row(&[before.as_ref().map(String::as_bytes), Some(&main), None]);
        body.truncate(body.len() - cut);
        let (mut long, mut short) = (builder(&[25, oid, 25], binary), builder(&[25, oid, 25], binary));
        let taken = (long.push_long(BytesMut::from(&body[..])).is_ok(), short.push(&body).is_ok());
        prop_assert_eq!(taken.0, taken.1);
        if taken.0 {
            // As text, because a NaN is not equal to itself.
            prop_assert_eq!(format!("{:?}", long.take()), format!("{:?}", short.take()));
        }
    }

    #[test]
    fn no_row_makes_the_builder_panic(body in prop::collection::vec(any::<u8>(), 0..64), binary: bool) {
        let _ = builder(&[16, 20, 25], binary).push(&body);
    }

    #[test]
    fn cells_of_the_right_count_never_panic(
        cells in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..12)), 8),
        binary: bool,
    ) {
        let cells: Vec<_> = cells.iter().map(Option::as_deref).collect();
        let _ = builder(&[16, 21, 700, 701, 17, 1114, 1184, 1186], binary).push(&row(&cells));
    }
}
