//! Each client dialect against each worker dialect, with peers that are not ours.
//!
//! Twice: with the crate `zeromq` on both sides, which needs nothing but Rust; and with PHP on php-zmq for zmws
//! and Python on pyzmq for strict Majordomo, which are libzmq. Each cell asks for several jobs and looks at
//! every frame of every answer.

mod cases;
mod crate_zeromq;
mod libzmq;
mod published;

use zmws::message::Dialect::{self, Mdp01, Mdp02, Zmws1, Zmws2};

/// One test a cell, in each of the two families.
macro_rules! table {
    ($($name:ident: $client:ident asks $worker:ident;)*) => {
        /// The crate `zeromq`, as REQ and as DEALER.
        mod with_the_crate_zeromq {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate_zeromq::cell($client, $worker).await;
            })*
        }

        /// php-zmq for zmws, pyzmq for Majordomo.
        mod with_php_and_python {
            use super::*;
            $(#[test]
            fn $name() {
                libzmq::cell($client, $worker);
            })*
        }
    };
}

table! {
    zmws1_client_and_zmws1_worker: Zmws1 asks Zmws1;
    zmws1_client_and_zmws2_worker: Zmws1 asks Zmws2;
    zmws1_client_and_mdp01_worker: Zmws1 asks Mdp01;
    zmws1_client_and_mdp02_worker: Zmws1 asks Mdp02;
    zmws2_client_and_zmws1_worker: Zmws2 asks Zmws1;
    zmws2_client_and_zmws2_worker: Zmws2 asks Zmws2;
    zmws2_client_and_mdp01_worker: Zmws2 asks Mdp01;
    zmws2_client_and_mdp02_worker: Zmws2 asks Mdp02;
    mdp01_client_and_zmws1_worker: Mdp01 asks Zmws1;
    mdp01_client_and_zmws2_worker: Mdp01 asks Zmws2;
    mdp01_client_and_mdp01_worker: Mdp01 asks Mdp01;
    mdp01_client_and_mdp02_worker: Mdp01 asks Mdp02;
    mdp02_client_and_zmws1_worker: Mdp02 asks Zmws1;
    mdp02_client_and_zmws2_worker: Mdp02 asks Zmws2;
    mdp02_client_and_mdp01_worker: Mdp02 asks Mdp01;
    mdp02_client_and_mdp02_worker: Mdp02 asks Mdp02;
}

/// Whether it is one of the two Majordomo dialects.
fn is_majordomo(dialect: Dialect) -> bool {
    matches!(dialect, Mdp01 | Mdp02)
}
